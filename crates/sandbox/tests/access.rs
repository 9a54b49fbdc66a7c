//! Who is let in and what they may do, as clients meet it: by certificate, by token, as nobody, as somebody else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use http::Request;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use sandbox::{Options, Pace, Sandbox, Version};
use serde_json::{Value, json};

/// Nothing here takes long; a hang is a failure.
const LONG: Duration = Duration::from_secs(20);

/// A sandbox and its admin.
struct Stage {
    sandbox: Sandbox,
    admin: kube::Client,
}

impl Stage {
    async fn start(version: Version) -> Stage {
        let options = Options { version, state: None, address: None, pace: Pace::Fast };
        let sandbox = Sandbox::start(options).await.unwrap();
        let admin = kube::Client::new(sandbox.service(), "default");
        Stage { sandbox, admin }
    }

    /// Returns a client over TLS without the learner's certificate.
    async fn client(&self, token: Option<&str>) -> kube::Client {
        let mut kubeconfig = Kubeconfig::from_yaml(&self.sandbox.kubeconfig()).unwrap();
        let token = token.map(|token| token.to_owned().into());
        kubeconfig.auth_infos[0].auth_info = Some(AuthInfo { token, ..AuthInfo::default() });
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// Creates what must be creatable.
    async fn put(&self, path: &str, object: &Value) -> Value {
        post(&self.admin, path, object).await.unwrap()
    }

    async fn token(&self, account: &str, spec: Value) -> String {
        let path = format!("/api/v1/namespaces/default/serviceaccounts/{account}/token");
        let kind = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
        self.put(&path, &kind).await["status"]["token"].as_str().unwrap().to_owned()
    }

    async fn account(&self, name: &str) -> kube::Client {
        self.put("/api/v1/namespaces/default/serviceaccounts", &json!({"metadata": {"name": name}})).await;
        let token = self.token(name, json!({})).await;
        self.client(Some(&token)).await
    }

    /// Lets an account do something in the default Namespace.
    async fn allow(&self, account: &str, role: &str, rules: Value) {
        self.put(&rbac("roles"), &json!({"metadata": {"name": role}, "rules": rules})).await;
        self.put(&rbac("rolebindings"), &binding(role, "Role", role, account)).await;
    }
}

fn rbac(plural: &str) -> String {
    format!("/apis/rbac.authorization.k8s.io/v1/namespaces/default/{plural}")
}

fn binding(name: &str, kind: &str, role: &str, account: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}],
    })
}

fn rule(resource: &str, verbs: &[&str]) -> Value {
    let (group, resource) = resource.split_once('.').map_or(("", resource), |(resource, group)| (group, resource));
    json!([{"apiGroups": [group], "resources": [resource], "verbs": verbs}])
}

/// Asks and returns the answer, or the code and the sentence of the refusal.
async fn ask(client: &kube::Client, request: http::request::Builder, body: Vec<u8>) -> Result<Value, (u16, String)> {
    let asked = tokio::time::timeout(LONG, client.request_text(request.body(body).unwrap())).await.unwrap();
    match asked {
        Ok(text) => Ok(serde_json::from_str(&text).unwrap_or(Value::String(text))),
        Err(kube::Error::Api(status)) => Err((status.code, status.message.clone())),
        Err(error) => panic!("{error}"),
    }
}

async fn get(client: &kube::Client, path: &str) -> Result<Value, (u16, String)> {
    ask(client, Request::get(path), Vec::new()).await
}

async fn post(client: &kube::Client, path: &str, object: &Value) -> Result<Value, (u16, String)> {
    let request = Request::post(path).header("content-type", "application/json");
    ask(client, request, object.to_string().into_bytes()).await
}

async fn delete(client: &kube::Client, path: &str) {
    ask(client, Request::delete(path), Vec::new()).await.unwrap();
}

const PODS: &str = "/api/v1/namespaces/default/pods";

#[tokio::test]
async fn a_token_opens_what_its_account_may() {
    let stage = Stage::start(Version::V1_34).await;
    let app = stage.account("app").await;
    let refused = "pods is forbidden: User \"system:serviceaccount:default:app\" cannot list resource \"pods\" in API \
                   group \"\" in the namespace \"default\"";
    assert_eq!(get(&app, PODS).await.unwrap_err(), (403, refused.to_owned()));
    stage.allow("app", "reader", rule("pods", &["list"])).await;
    assert_eq!(get(&app, PODS).await.unwrap()["kind"], "PodList");
    assert_eq!(get(&app, "/api/v1/pods").await.unwrap_err().0, 403);
    assert_eq!(get(&app, "/atelier/v1/audit").await.unwrap_err().0, 403);
    let forged = stage.client(Some("a.b.c")).await;
    assert_eq!(get(&forged, "/version").await.unwrap_err(), (401, "Unauthorized".to_owned()));
    delete(&stage.admin, &format!("{}/reader", rbac("rolebindings"))).await;
    assert_eq!(get(&app, PODS).await.unwrap_err().0, 403);
    delete(&stage.admin, "/api/v1/namespaces/default/serviceaccounts/app").await;
    assert_eq!(get(&app, PODS).await.unwrap_err().0, 401);
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn a_token_ends_with_its_pod_and_is_for_its_audience_only() {
    let stage = Stage::start(Version::V1_34).await;
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}});
    stage.put("/api/v1/namespaces/default/serviceaccounts", &json!({"metadata": {"name": "app"}})).await;
    let mut own = pod.clone();
    own["spec"]["serviceAccountName"] = "app".into();
    stage.put(PODS, &own).await;
    let reference = json!({"kind": "Pod", "apiVersion": "v1", "name": "p"});
    let token = stage.token("app", json!({"boundObjectRef": reference})).await;
    let client = stage.client(Some(&token)).await;
    let me = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let who = post(&client, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &me).await.unwrap();
    let extra = &who["status"]["userInfo"]["extra"];
    assert_eq!(extra["authentication.kubernetes.io/pod-name"], json!(["p"]));
    ask(&stage.admin, Request::delete(format!("{PODS}/p?gracePeriodSeconds=0")), Vec::new()).await.unwrap();
    assert_eq!(get(&client, "/version").await.unwrap_err().0, 401);

    let other = stage.token("app", json!({"audiences": ["vault"]})).await;
    assert_eq!(get(&stage.client(Some(&other)).await, "/version").await.unwrap_err().0, 401);
    let review = |audiences: Value| {
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": other, "audiences": audiences}})
    };
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let status = stage.put(path, &review(json!(["vault", "x"]))).await["status"].clone();
    assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &json!(["vault"])));
    let status = stage.put(path, &review(json!([]))).await["status"].clone();
    assert_eq!(
        status["error"],
        "[invalid bearer token, token audiences [\"vault\"] is invalid for the target audiences \
         [\"https://kubernetes.default.svc.cluster.local\"]]"
    );
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn nobody_sees_the_version_and_little_else() {
    let stage = Stage::start(Version::V1_34).await;
    let nobody = stage.client(None).await;
    assert_eq!(get(&nobody, "/version").await.unwrap()["minor"], "34");
    assert_eq!(get(&nobody, "/healthz").await.unwrap(), "ok");
    for (path, words) in [
        ("/api", "forbidden: User \"system:anonymous\" cannot get path \"/api\""),
        (
            "/apis/ex.com/v1/foos",
            "foos.ex.com is forbidden: User \"system:anonymous\" cannot list resource \"foos\" in API group \"ex.com\" \
             at the cluster scope",
        ),
    ] {
        assert_eq!(get(&nobody, path).await.unwrap_err(), (403, words.to_owned()));
    }
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn to_be_somebody_else_is_a_right() {
    let stage = Stage::start(Version::V1_34).await;
    let app = stage.account("app").await;
    let as_carl = |client: kube::Client, group: Option<&'static str>| async move {
        let mut request = Request::get(PODS).header("impersonate-user", "carl");
        if let Some(group) = group {
            request = request.header("impersonate-group", group);
        }
        ask(&client, request, Vec::new()).await
    };
    let words = "users \"carl\" is forbidden: User \"system:serviceaccount:default:app\" cannot impersonate resource \
                 \"users\" in API group \"\" at the cluster scope";
    assert_eq!(as_carl(app.clone(), None).await.unwrap_err(), (403, words.to_owned()));
    let rules =
        json!([{"apiGroups": [""], "resources": ["users"], "resourceNames": ["carl"], "verbs": ["impersonate"]}]);
    let cluster = "/apis/rbac.authorization.k8s.io/v1";
    stage.put(&format!("{cluster}/clusterroles"), &json!({"metadata": {"name": "imp"}, "rules": rules})).await;
    stage.put(&format!("{cluster}/clusterrolebindings"), &binding("imp", "ClusterRole", "imp", "app")).await;
    assert!(
        as_carl(app.clone(), None).await.unwrap_err().1.starts_with("pods is forbidden: User \"carl\" cannot list")
    );
    assert!(as_carl(app, Some("team")).await.unwrap_err().1.starts_with("groups \"team\" is forbidden"));
    // Whoever may do everything is still as small as the one they play.
    assert_eq!(as_carl(stage.admin.clone(), None).await.unwrap_err().0, 403);
    assert_eq!(as_carl(stage.admin.clone(), Some("system:masters")).await.unwrap()["kind"], "PodList");
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn nobody_gives_rights_that_they_lack() {
    let stage = Stage::start(Version::V1_34).await;
    let app = stage.account("app").await;
    let verbs = ["create", "update", "get"];
    let mut rules = rule("roles.rbac.authorization.k8s.io", &verbs);
    rules[0]["resources"] = json!(["roles", "rolebindings"]);
    stage.allow("app", "editor", rules).await;
    let role = json!({"metadata": {"name": "big"}, "rules": rule("secrets", &["get", "list"])});
    let words = "roles.rbac.authorization.k8s.io \"big\" is forbidden: user \"system:serviceaccount:default:app\" \
                 (groups=[\"system:serviceaccounts\" \"system:serviceaccounts:default\" \"system:authenticated\"]) is \
                 attempting to grant RBAC permissions not currently held:\n\
                 {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}";
    assert_eq!(post(&app, &rbac("roles"), &role).await.unwrap_err(), (403, words.to_owned()));
    let own = json!({"metadata": {"name": "own"}, "rules": rule("roles.rbac.authorization.k8s.io", &["get"])});
    post(&app, &rbac("roles"), &own).await.unwrap();
    let to_admin = post(&app, &rbac("rolebindings"), &binding("b", "ClusterRole", "cluster-admin", "app")).await;
    assert!(
        to_admin
            .unwrap_err()
            .1
            .contains("attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"*\"]")
    );
    post(&app, &rbac("rolebindings"), &binding("b", "Role", "own", "app")).await.unwrap();
    let missing = post(&app, &rbac("rolebindings"), &binding("c", "ClusterRole", "none", "app")).await;
    assert_eq!(missing.unwrap_err(), (404, "clusterroles.rbac.authorization.k8s.io \"none\" not found".to_owned()));
    stage.allow("app", "binder", rule("clusterroles.rbac.authorization.k8s.io", &["bind"])).await;
    post(&app, &rbac("rolebindings"), &binding("d", "ClusterRole", "cluster-admin", "app")).await.unwrap();
    let changed = json!([{"op": "replace", "path": "/roleRef/name", "value": "view"}]);
    let request =
        Request::patch(format!("{}/d", rbac("rolebindings"))).header("content-type", "application/json-patch+json");
    let (code, words) = ask(&stage.admin, request, changed.to_string().into_bytes()).await.unwrap_err();
    assert!(code == 422 && words.ends_with("cannot change roleRef"), "{words}");
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn aggregated_roles_follow_their_parts() {
    let stage = Stage::start(Version::V1_34).await;
    let app = stage.account("app").await;
    let cluster = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    stage.put(&rbac("rolebindings"), &binding("view", "ClusterRole", "view", "app")).await;
    assert_eq!(get(&app, PODS).await.unwrap()["kind"], "PodList");
    let roles = rbac("roles");
    assert_eq!(get(&app, &roles).await.unwrap_err().0, 403);
    let labels = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
    let part = json!({"metadata": {"name": "more", "labels": labels}, "rules": rule("roles.rbac.authorization.k8s.io", &["list"])});
    stage.put(cluster, &part).await;
    tokio::time::timeout(LONG, async {
        while get(&app, &roles).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn an_old_version_keeps_tokens_in_secrets() {
    let stage = Stage::start(Version::V1_20).await;
    stage.put("/api/v1/namespaces/default/serviceaccounts", &json!({"metadata": {"name": "app"}})).await;
    let path = "/api/v1/namespaces/default/serviceaccounts/app";
    let secret = tokio::time::timeout(LONG, async {
        loop {
            let account = get(&stage.admin, path).await.unwrap();
            if let Some(name) = account["secrets"][0]["name"].as_str() {
                return get(&stage.admin, &format!("/api/v1/namespaces/default/secrets/{name}")).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let encoded = secret["data"]["token"].as_str().unwrap();
    let token = String::from_utf8(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, encoded).unwrap()).unwrap();
    let client = stage.client(Some(&token)).await;
    let refused = get(&client, PODS).await.unwrap_err();
    assert!(refused.1.contains("\"system:serviceaccount:default:app\""), "{refused:?}");
    let name = secret["metadata"]["name"].as_str().unwrap();
    delete(&stage.admin, &format!("/api/v1/namespaces/default/secrets/{name}")).await;
    assert_eq!(get(&client, PODS).await.unwrap_err().0, 401);
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn the_log_tells_who_asked_as_whom_and_why() {
    let stage = Stage::start(Version::V1_34).await;
    let app = stage.account("app").await;
    stage.allow("app", "writer", rule("configmaps", &["create"])).await;
    let maps = "/api/v1/namespaces/default/configmaps";
    post(&app, maps, &json!({"metadata": {"name": "a"}})).await.unwrap();
    get(&app, "/api/v1/namespaces/default/secrets").await.unwrap_err();
    get(&app, "/api/v1/namespaces/default/secrets").await.unwrap_err();
    let request = Request::delete(format!("{maps}/a"))
        .header("impersonate-user", "system:serviceaccount:kube-system:node-controller")
        .header("impersonate-group", "system:masters");
    ask(&stage.admin, request, Vec::new()).await.unwrap();
    let log = get(&stage.admin, "/atelier/v1/audit").await.unwrap();
    let entries: Vec<[String; 5]> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["component"] == false)
        .map(|entry| {
            ["user", "impersonatedUser", "verb", "code", "reason"]
                .map(|field| entry[field].as_str().map_or_else(|| entry[field].to_string(), str::to_owned))
        })
        .collect();
    let last: Vec<[&str; 5]> = entries.iter().rev().take(3).map(|entry| entry.each_ref().map(String::as_str)).collect();
    let app = "system:serviceaccount:default:app";
    let forbidden = "secrets is forbidden: User \"system:serviceaccount:default:app\" cannot list resource \"secrets\" \
                     in API group \"\" in the namespace \"default\"";
    let allowed =
        "RBAC: allowed by RoleBinding \"writer/default\" of Role \"writer\" to ServiceAccount \"app/default\"";
    assert_eq!(
        last,
        [
            ["kubernetes-admin", "system:serviceaccount:kube-system:node-controller", "delete", "200", ""],
            [app, "", "list", "403", forbidden],
            [app, "", "create", "201", allowed],
        ]
    );
    stage.sandbox.stop().await;
}

/// Components are not stopped by their roles; this is what keeps them from doing what a real one could not.
#[tokio::test]
async fn components_act_within_the_default_roles() {
    let stage = Stage::start(Version::V1_34).await;
    let spec = json!({"containers": [{"name": "c", "image": "nginx:1.27"}]});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": spec});
    let workload = |name: &str| {
        json!({"metadata": {"name": name}, "spec": {
            "replicas": 2, "serviceName": name, "selector": {"matchLabels": {"app": "web"}}, "template": template,
        }})
    };
    let apps = "/apis/apps/v1/namespaces/default";
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "20"}}});
    stage.put("/api/v1/namespaces/default/resourcequotas", &quota).await;
    stage.put(&format!("{apps}/deployments"), &workload("web")).await;
    stage
        .put(
            "/api/v1/namespaces/default/services",
            &json!({"metadata": {"name": "web"}, "spec": {
                "selector": {"app": "web"}, "ports": [{"port": 80}],
            }}),
        )
        .await;
    stage.put("/api/v1/namespaces", &json!({"metadata": {"name": "gone"}})).await;
    stage.put("/api/v1/namespaces/gone/configmaps", &json!({"metadata": {"name": "a"}})).await;
    tokio::time::timeout(LONG, async {
        loop {
            let path = format!("{apps}/deployments/web");
            if get(&stage.admin, &path).await.unwrap()["status"]["readyReplicas"] == 2 {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    delete(&stage.admin, &format!("{apps}/deployments/web")).await;
    delete(&stage.admin, "/api/v1/namespaces/gone").await;
    tokio::time::timeout(LONG, async {
        while get(&stage.admin, "/api/v1/namespaces/gone").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let log = get(&stage.admin, "/atelier/v1/audit").await.unwrap();
    let entries = log["entries"].as_array().unwrap().clone();
    let done = entries.iter().filter(|entry| {
        // What a kubelet may do to an object hangs on that object, which may be gone by now.
        let user = entry["user"].as_str().unwrap();
        entry["component"] == true && entry["code"].as_u64().unwrap() < 300 && !user.starts_with("system:node:")
    });
    let mut users = std::collections::BTreeSet::new();
    for entry in done {
        users.insert(entry["user"].as_str().unwrap().to_owned());
        let wanted = json!({"verb": entry["verb"], "group": entry["group"], "resource": entry["resource"],
            "subresource": entry["subresource"].as_str().unwrap_or_default(), "namespace": entry["namespace"],
            "name": entry["name"]});
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
            "user": entry["user"], "groups": entry["groups"], "resourceAttributes": wanted}});
        let answer = stage.put("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await;
        assert_eq!(answer["status"]["allowed"], true, "{}: {wanted}", entry["user"]);
    }
    assert!(users.len() >= 8, "{users:?}");
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn an_approved_request_becomes_a_certificate() {
    let stage = Stage::start(Version::V1_34).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let request = |group: &str| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, group);
        params.distinguished_name.push(rcgen::DnType::CommonName, "jane");
        let pem = params.serialize_request(&key).unwrap().pem().unwrap();
        json!({"metadata": {"name": group.replace(':', "-")}, "spec": {
            "request": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, pem), "username": "forged",
            "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"],
        }})
    };
    let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let refused = post(&stage.admin, path, &request("system:masters")).await.unwrap_err();
    assert!(refused.1.ends_with("signer with system:masters group is not allowed"), "{}", refused.1);
    let mut made = stage.put(path, &request("team")).await;
    assert_eq!(made["spec"]["username"], "kubernetes-admin");
    made["status"] = json!({"conditions": [{"type": "Approved", "status": "True", "reason": "Kubectl"}]});
    let approve = |client: kube::Client| {
        let put = Request::put(format!("{path}/team/approval")).header("content-type", "application/json");
        let body = made.to_string().into_bytes();
        async move { ask(&client, put, body).await }
    };
    let app = stage.account("app").await;
    let rules = json!([{"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests/approval"], "verbs": ["update"]}]);
    let cluster = "/apis/rbac.authorization.k8s.io/v1";
    stage.put(&format!("{cluster}/clusterroles"), &json!({"metadata": {"name": "a"}, "rules": rules})).await;
    stage.put(&format!("{cluster}/clusterrolebindings"), &binding("a", "ClusterRole", "a", "app")).await;
    let refused = approve(app).await.unwrap_err();
    let words = "user not permitted to approve requests with signerName \"kubernetes.io/kube-apiserver-client\"";
    assert!(refused.1.ends_with(words), "{}", refused.1);
    approve(stage.admin.clone()).await.unwrap();
    let certificate = tokio::time::timeout(LONG, async {
        loop {
            let found = get(&stage.admin, &format!("{path}/team")).await.unwrap();
            if let Some(certificate) = found["status"]["certificate"].as_str() {
                return certificate.to_owned();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let mut kubeconfig = Kubeconfig::from_yaml(&stage.sandbox.kubeconfig()).unwrap();
    let key = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, key.serialize_pem());
    kubeconfig.auth_infos[0].auth_info = Some(AuthInfo {
        client_certificate_data: Some(certificate),
        client_key_data: Some(key.into()),
        ..AuthInfo::default()
    });
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let jane = kube::Client::try_from(config).unwrap();
    let refused = get(&jane, PODS).await.unwrap_err();
    assert!(refused.1.starts_with("pods is forbidden: User \"jane\" cannot list"), "{}", refused.1);
    let me = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let who = post(&jane, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &me).await.unwrap();
    assert_eq!(who["status"]["userInfo"]["groups"], json!(["team", "system:authenticated"]));
    stage.sandbox.stop().await;
}
