//! Every explanation, printed for a French reader to proofread.

use std::fmt::Write as _;
use std::time::Duration;

use check::command::{Captured, Exit};
use check::kinds::quota_exhaustion::{Refusal, RefusedBy, Report, Verdict};
use check::kinds::{
    command_output, condition, file_content, http_answer, kubernetes_object, observed, question, quota_exhaustion,
};
use check::{
    Error, Expectation, FieldFinding, Fields, Finding, Observation, Observed, Target, Unobservable, Unreadable,
};
use serde_json::{Value, json};

use super::*;

fn check() -> lab::Check {
    lab::Check {
        id: lab::CheckId("controle".to_owned()),
        title: "Titre".to_owned(),
        points: 1,
        guard: false,
        why: None,
        advice: None,
        timeout: Duration::from_secs(30),
        spec: check::Spec::Observed(observed::Spec::NodeNotReady { node: None }),
    }
}

/// Prints explanations one after the other.
#[derive(Default)]
struct Page(String);

impl Page {
    fn fail(&mut self, title: &str, evidence: Evidence) {
        self.add(title, &Ok(Outcome::Fail(evidence)));
    }

    fn pass(&mut self, title: &str, evidence: Evidence) {
        self.add(title, &Ok(Outcome::Pass(evidence)));
    }

    fn add(&mut self, title: &str, result: &Result<Outcome, Error>) {
        let said = explain(&check(), result);
        let parts = [&said.brief, &said.found, &said.expected, &said.why, &said.advice]
            .map(|part| crate::sanitize(part) == *part);
        assert_eq!(parts, [true; 5], "{title}: nothing but clean text");
        assert!(!said.found.is_empty() && !said.expected.is_empty(), "{title}: found and expected are always said");
        writeln!(self.0, "── {title}").unwrap();
        for (label, text) in [
            ("", &said.brief),
            ("Trouvé     ", &said.found),
            ("Attendu    ", &said.expected),
            ("Pourquoi   ", &said.why),
            ("À essayer  ", &said.advice),
        ] {
            if !text.is_empty() {
                writeln!(self.0, "{label}{text}").unwrap();
            }
        }
        if let Some(command) = &said.command {
            writeln!(self.0, "$ {command}").unwrap();
        }
        self.0.push('\n');
    }
}

fn target(kind: &str, name: Option<&str>, selector: Option<&str>) -> Target {
    Target {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: (kind != "Node").then(|| "default".to_owned()),
        name: name.map(str::to_owned),
        selector: selector.map(str::to_owned),
    }
}

fn path(text: &str) -> check::FieldPath {
    text.to_owned().try_into().unwrap()
}

fn fields(pairs: &[(&str, Value)]) -> Fields {
    pairs.iter().map(|(key, value)| (path(key), value.clone().try_into().unwrap())).collect()
}

fn field(key: &str, expected: Value, found: Vec<Value>) -> FieldFinding {
    FieldFinding { path: path(key), expected: expected.try_into().unwrap(), found }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn object(target: Target, wanted: &[(&str, Value)], finding: Finding) -> Evidence {
    let absent = matches!(finding, Finding::Unwanted { .. }) || finding == Finding::Holds { names: Vec::new() };
    Evidence::KubernetesObject(kubernetes_object::Evidence { target, absent, fields: fields(wanted), finding })
}

#[test]
fn objects() {
    let memory = "spec.limits[type=Container].default.memory";
    let limits = || target("LimitRange", Some("bornes"), None);
    let any = || target("LimitRange", None, None);
    let mut page = Page::default();
    page.pass("présent", object(limits(), &[(memory, json!("512Mi"))], Finding::Holds { names: strings(&["bornes"]) }));
    page.pass("absent comme attendu", object(limits(), &[], Finding::Holds { names: Vec::new() }));
    page.fail("absent", object(any(), &[], Finding::Missing { others: vec![], elsewhere: vec![] }));
    page.fail(
        "absent, un autre existe",
        object(
            limits(),
            &[(memory, json!("512Mi")), ("spec.limits[type=Container].default.cpu", json!({ "max": "100m" }))],
            Finding::Missing { others: strings(&["limites", "l\u{1b}[31m2"]), elsewhere: vec![] },
        ),
    );
    page.fail(
        "absent, dans un autre Namespace",
        object(any(), &[], Finding::Missing { others: vec![], elsewhere: strings(&["app"]) }),
    );
    page.fail(
        "encore là",
        object(
            target("Deployment", Some("exhauster"), None),
            &[],
            Finding::Unwanted { names: strings(&["exhauster"]) },
        ),
    );
    page.fail(
        "Pods encore là",
        object(
            target("Pod", None, Some("app=copies")),
            &[],
            Finding::Unwanted { names: strings(&["copies-1", "copies-2"]) },
        ),
    );
    page.fail(
        "quantité différente",
        object(
            any(),
            &[],
            Finding::Differs {
                name: "bornes".to_owned(),
                fields: vec![field(memory, json!("512Mi"), vec![json!("268435456")])],
            },
        ),
    );
    page.fail(
        "champ absent",
        object(
            any(),
            &[],
            Finding::Differs { name: "bornes".to_owned(), fields: vec![field(memory, json!("512Mi"), vec![])] },
        ),
    );
    page.fail(
        "plusieurs champs",
        object(
            any(),
            &[],
            Finding::Differs {
                name: "bornes".to_owned(),
                fields: vec![
                    field("spec.replicas", json!({ "min": 1, "max": 5 }), vec![json!(20)]),
                    field("metadata.labels[\"a/b\"]", json!({ "any_of": ["x", "y"] }), vec![json!("z")]),
                    field("spec.hostNetwork", json!({ "exists": false }), vec![json!(true)]),
                    field("spec.args", json!({ "contains": "x" }), vec![json!(["y", "z"])]),
                    field("spec.user", json!({ "not": 0 }), vec![json!(0)]),
                ],
            },
        ),
    );
    page.fail(
        "statut",
        object(
            target("Node", Some("node3"), None),
            &[],
            Finding::Differs {
                name: "node3".to_owned(),
                fields: vec![field("status.conditions[type=Ready].status", json!("True"), vec![json!("Unknown")])],
            },
        ),
    );
    page.fail(
        "nombre",
        object(
            target("Pod", None, Some("app=exhauster")),
            &[],
            Finding::Count { found: 1, expected: Expectation::try_from(json!({ "min": 2 })).unwrap() },
        ),
    );
    page.fail(
        "statut écrit à la main",
        object(
            target("Pod", None, Some("app=exhauster")),
            &[],
            Finding::Forged { name: "exhauster-1".to_owned(), user: "kubernetes-admin".to_owned() },
        ),
    );
    page.fail(
        "condition non atteinte",
        Evidence::Condition(condition::Evidence {
            target: target("Node", Some("node3"), None),
            absent: false,
            fields: fields(&[]),
            within: 60,
            finding: Finding::Differs {
                name: "node3".to_owned(),
                fields: vec![field("status.conditions[type=Ready].status", json!("True"), vec![json!("Unknown")])],
            },
        }),
    );
    insta::assert_snapshot!(page.0);
}

fn command(change: impl FnOnce(&mut command_output::Evidence)) -> Evidence {
    let mut evidence = command_output::Evidence {
        command: "kubectl create --dry-run=server -f temoin.yaml".to_owned(),
        exit: Exit::Code(0),
        expected_exit: 0,
        output: Captured { text: "pod/temoin created (server dry run)\n".to_owned(), truncated: false },
        errors: Captured { text: String::new(), truncated: false },
        missing: Vec::new(),
        unwanted: Vec::new(),
        unmatched: None,
    };
    change(&mut evidence);
    Evidence::CommandOutput(evidence)
}

#[test]
fn commands() {
    let mut page = Page::default();
    page.pass("bonne sortie", command(|_| {}));
    page.fail(
        "code",
        command(|evidence| {
            evidence.exit = Exit::Code(1);
            evidence.errors.text =
                "Error from server (Forbidden): pods \"temoin\" is forbidden: \u{1b}[31mexceeded quota\u{1b}[0m\n"
                    .to_owned();
        }),
    );
    page.fail("réussite inattendue", command(|evidence| evidence.expected_exit = 1));
    page.fail("signal", command(|evidence| evidence.exit = Exit::Signal(9)));
    page.fail("texte manquant", command(|evidence| evidence.missing = strings(&["node/node3", "node/node2"])));
    page.fail("texte en trop", command(|evidence| evidence.unwanted = strings(&["NotReady", "Unknown"])));
    page.fail(
        "expression",
        command(|evidence| {
            evidence.unmatched = Some("^v1\\.34".to_owned());
            evidence.output.text = String::new();
            evidence.command = "a\nb".to_owned();
        }),
    );
    insta::assert_snapshot!(page.0);
}

#[test]
fn files() {
    let file = |finding| {
        Evidence::FileContent(file_content::Evidence {
            path: "limitrange.yaml".to_owned(),
            document: [("kind".to_owned(), json!("LimitRange"))].into(),
            finding,
        })
    };
    let mut page = Page::default();
    page.pass("bon contenu", file(file_content::Finding::Holds));
    page.fail("absent", file(file_content::Finding::Missing));
    page.fail("dossier", file(file_content::Finding::NotAFile));
    page.fail("dehors", file(file_content::Finding::Outside));
    page.fail("trop gros", file(file_content::Finding::TooBig { size: 5_400_000 }));
    page.fail("binaire", file(file_content::Finding::NotText));
    let unreadable = Unreadable { line: 4, column: 3, reason: "did not find expected key".to_owned() };
    page.fail("YAML", file(file_content::Finding::Unreadable(unreadable)));
    page.fail("sans document", file(file_content::Finding::NoDocument { kinds: strings(&["Pod", "Service"]) }));
    page.fail("vide", file(file_content::Finding::NoDocument { kinds: vec![] }));
    let differing = vec![field("spec.limits[0].default.memory", json!("512Mi"), vec![json!("512M")])];
    page.fail("champ", file(file_content::Finding::Differs { fields: differing }));
    page.fail(
        "texte manquant",
        file(file_content::Finding::Text { missing: strings(&["Je commence"]), unwanted: vec![] }),
    );
    page.fail(
        "texte en trop",
        file(file_content::Finding::Text { missing: vec![], unwanted: strings(&["à compléter"]) }),
    );
    insta::assert_snapshot!(page.0);
}

#[test]
fn http_answers() {
    let ask = |finding| {
        Evidence::HttpAnswer(http_answer::Evidence {
            url: "http://127.0.0.1:8080/".to_owned(),
            expected_status: 200,
            finding,
        })
    };
    let answer = |status, location: Option<&str>, missing: &[&str], unwanted: &[&str]| http_answer::Finding::Answer {
        status,
        location: location.map(str::to_owned),
        body: String::new(),
        missing: strings(missing),
        unwanted: strings(unwanted),
    };
    let mut page = Page::default();
    page.pass("bonne réponse", ask(answer(200, None, &[], &[])));
    page.fail("refusée", ask(http_answer::Finding::Refused));
    page.fail("pas HTTP", ask(http_answer::Finding::NotHttp));
    page.fail("redirection", ask(answer(302, Some("https://ailleurs/"), &[], &[])));
    page.fail("interdit", ask(answer(403, None, &[], &[])));
    page.fail("erreur", ask(answer(500, None, &[], &[])));
    page.fail("texte manquant", ask(answer(200, None, &["Bienvenue"], &[])));
    page.fail("texte en trop", ask(answer(200, None, &[], &["admin"])));
    insta::assert_snapshot!(page.0);
}

#[test]
fn questions() {
    let ask = |given: Option<&str>, form, finding| {
        Evidence::Question(question::Evidence { given: given.map(str::to_owned), form, finding })
    };
    let choice = || question::Form::Choice { letters: strings(&["a", "b", "c"]) };
    let mut page = Page::default();
    page.pass("juste", ask(Some("b"), choice(), question::Finding::Right));
    page.fail("sans réponse", ask(None, choice(), question::Finding::Unanswered));
    page.fail("pas un choix", ask(Some("z"), choice(), question::Finding::NotAChoice));
    page.fail("mauvais choix", ask(Some("a"), choice(), question::Finding::Wrong));
    page.fail("pas un nombre", ask(Some("beaucoup"), question::Form::Number, question::Finding::NotANumber));
    page.fail("mauvais nombre", ask(Some("12"), question::Form::Number, question::Finding::Wrong));
    page.fail("mauvais mot", ask(Some("\u{1b}[2Jkubelet"), question::Form::Text, question::Finding::Wrong));
    insta::assert_snapshot!(page.0);
}

#[test]
fn observations() {
    let at = "2026-11-22T10:00:00Z".parse().unwrap();
    let seen = |what| Observation { at, what, proven: true };
    let look =
        |wanted, finding| Evidence::Observed(observed::Evidence { wanted, namespace: "default".to_owned(), finding });
    let node3 = || Some("node3".to_owned());
    let exhauster = || Some("exhauster".to_owned());
    let down = || Observed::NodeNotReady { node: "node3".to_owned() };
    let (namespace, pod) = ("default".to_owned(), "exhauster-1".to_owned());
    let all = [
        (observed::Spec::NodeNotReady { node: node3() }, down()),
        (observed::Spec::NodeReady { node: node3() }, Observed::NodeReady { node: "node3".to_owned() }),
        (
            observed::Spec::OomKilled { namespace: None, app: exhauster() },
            Observed::OomKilled { namespace: namespace.clone(), pod: pod.clone(), app: exhauster() },
        ),
        (
            observed::Spec::Unschedulable { namespace: None, app: exhauster() },
            Observed::Unschedulable { namespace: namespace.clone(), pod, app: exhauster() },
        ),
        (
            observed::Spec::CreationRefused { namespace: None, message: "exceeded quota".to_owned() },
            Observed::CreationRefused {
                namespace,
                owner: "exhauster-5d4".to_owned(),
                message: "pods \"exhauster-5d4-x\" is forbidden: exceeded quota: quota".to_owned(),
            },
        ),
    ];
    let mut page = Page::default();
    for (wanted, what) in all {
        page.pass("observé", look(wanted.clone(), observed::Finding::Seen(seen(what))));
        page.fail("pas observé", look(wanted, observed::Finding::NotSeen));
    }
    let any = [
        observed::Spec::NodeNotReady { node: None },
        observed::Spec::NodeReady { node: None },
        observed::Spec::OomKilled { namespace: None, app: None },
        observed::Spec::Unschedulable { namespace: None, app: None },
    ];
    for wanted in any {
        page.fail("pas observé, n’importe lequel", look(wanted, observed::Finding::NotSeen));
    }
    let wanted = observed::Spec::NodeNotReady { node: Some("node2".to_owned()) };
    page.fail("ailleurs", look(wanted.clone(), observed::Finding::Elsewhere(seen(down()))));
    page.fail("sans preuve", look(wanted, observed::Finding::Unproven(seen(down()))));
    insta::assert_snapshot!(page.0);
}

fn quota(verdict: Verdict, change: impl FnOnce(&mut Report)) -> Evidence {
    let mut report = Report {
        format: 1,
        namespace: "default".to_owned(),
        asked: 20,
        admitted: 20,
        running: 14,
        own: 0,
        verdict,
        refused_by: Vec::new(),
        resource: None,
        quotas: strings(&["quota"]),
        limit_ranges: strings(&["bornes"]),
        pending: 0,
        stuck: None,
        left: 0,
    };
    change(&mut report);
    let range = quota_exhaustion::Range::default();
    Evidence::QuotaExhaustion(quota_exhaustion::Evidence { admitted: range, running: range, report })
}

fn refusal(kind: RefusedBy, name: Option<&str>, message: &str, resources: &[&str]) -> Refusal {
    Refusal {
        kind,
        name: name.map(str::to_owned),
        message: message.to_owned(),
        resources: strings(resources),
        unspecified: Vec::new(),
    }
}

fn exceeded(used: &str) -> Refusal {
    let message = format!(
        "pods \"exhauster-5d4-x8k2p\" is forbidden: exceeded quota: quota, requested: limits.memory=512Mi, used: {used}, limited: limits.memory=2Gi"
    );
    refusal(RefusedBy::ResourceQuota, Some("quota"), &message, &["limits.memory"])
}

#[test]
fn quotas() {
    let mut page = Page::default();
    page.pass(
        "juste",
        quota(Verdict::Right, |report| {
            (report.admitted, report.running, report.own) = (4, 4, 1);
            report.refused_by = vec![exceeded("limits.memory=2Gi")];
        }),
    );
    page.fail(
        "aucun quota",
        quota(Verdict::NoQuota, |report| {
            report.quotas.clear();
            (report.running, report.pending) = (14, 6);
            report.resource = Some("memory".to_owned());
        }),
    );
    page.fail(
        "ni quota ni LimitRange",
        quota(Verdict::NoQuota, |report| {
            (report.quotas, report.limit_ranges) = (Vec::new(), Vec::new());
            report.running = 20;
        }),
    );
    page.fail("trop large", quota(Verdict::TooLoose, |report| report.running = 20));
    page.fail(
        "trop large pour les nœuds",
        quota(Verdict::TooLoose, |report| {
            (report.admitted, report.running, report.pending) = (16, 15, 1);
            report.resource = Some("memory".to_owned());
            report.refused_by = vec![exceeded("limits.memory=8Gi")];
        }),
    );
    let mut ranged = quota(Verdict::TooLoose, |report| {
        (report.admitted, report.running) = (12, 12);
        report.refused_by = vec![exceeded("limits.memory=6Gi")];
    });
    if let Evidence::QuotaExhaustion(evidence) = &mut ranged {
        evidence.admitted = quota_exhaustion::Range { min: Some(1), max: Some(10) };
    }
    page.fail("trop large pour la consigne", ranged);
    page.fail(
        "trop serré",
        quota(Verdict::TooTight, |report| {
            (report.admitted, report.running) = (0, 0);
            report.refused_by = vec![exceeded("limits.memory=0")];
        }),
    );
    page.fail(
        "déjà consommé",
        quota(Verdict::TooTight, |report| {
            (report.admitted, report.running) = (0, 0);
            report.refused_by = vec![exceeded("limits.memory=2Gi")];
        }),
    );
    page.fail(
        "limites exigées",
        quota(Verdict::TooTight, |report| {
            (report.admitted, report.running) = (0, 0);
            let message = "pods \"x\" is forbidden: failed quota: quota: must specify limits.memory for: c";
            let mut refusal = refusal(RefusedBy::ResourceQuota, Some("quota"), message, &[]);
            refusal.unspecified = strings(&["limits.cpu", "limits.memory"]);
            report.refused_by = vec![refusal];
        }),
    );
    page.fail(
        "LimitRange",
        quota(Verdict::TooTight, |report| {
            (report.admitted, report.running) = (0, 0);
            let message = "pods \"x\" is forbidden: maximum memory usage per Container is 256Mi, but limit is 512Mi";
            report.refused_by = vec![refusal(RefusedBy::LimitRange, Some("bornes"), message, &["memory"])];
        }),
    );
    page.fail(
        "autre refus",
        quota(Verdict::OtherRefusal, |report| {
            (report.admitted, report.running) = (0, 0);
            let message = "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\"";
            report.refused_by = vec![refusal(RefusedBy::Other, None, message, &[])];
        }),
    );
    page.fail("ne démarrent pas", quota(Verdict::NotStarting, |report| report.stuck = Some("ErrImagePull".to_owned())));
    page.fail("rien à copier", quota(Verdict::NothingToCopy, |_| {}));
    page.fail("sans Namespace", quota(Verdict::NoNamespace, |report| report.left = 2));
    insta::assert_snapshot!(page.0);
}

#[test]
fn errors() {
    let io = || std::io::Error::other("Permission denied");
    let all = [
        ("sans cluster", Error::NoCluster),
        ("cluster", Error::Cluster(Box::new(kube::Error::ReadEvents(std::io::Error::other("connection reset"))))),
        (
            "genre",
            Error::UnknownKind { api_version: "policy/v1beta1".to_owned(), kind: "PodSecurityPolicy".to_owned() },
        ),
        ("droit", Error::Forbidden { message: "pods is forbidden: User \"eve\" cannot list resource".to_owned() }),
        ("délai", Error::TimedOut(Duration::from_secs(90))),
        ("arrêt", Error::Cancelled),
        ("commande", Error::Command { command: "true".to_owned(), source: io() }),
        ("programme", Error::NoProgram { program: "kubectl".to_owned() }),
        ("adresse", Error::Http { url: "http://nulle-part/".to_owned(), source: Box::new(io()) }),
        ("fichier", Error::File { path: "quota.yaml".to_owned(), source: io() }),
        ("statut", Error::NotObservable { what: Unobservable::Status }),
        ("nœud", Error::NotObservable { what: Unobservable::Node }),
        ("conteneur", Error::NotObservable { what: Unobservable::ContainerEnd }),
        ("planificateur", Error::NotObservable { what: Unobservable::Scheduling }),
        ("refus", Error::NotObservable { what: Unobservable::Refusal }),
        ("non pris en charge", Error::Unsupported { what: "https://exemple/".to_owned() }),
        ("incompris", Error::UnexpectedAnswer("no items".to_owned())),
    ];
    let mut page = Page::default();
    for (title, error) in all {
        page.add(title, &Err(error));
    }
    insta::assert_snapshot!(page.0);
}

#[test]
fn the_authors_words_take_precedence_on_a_failure_only() {
    let mut check = check();
    check.why = Some("Parce que.".to_owned());
    check.advice = Some("Essayez.".to_owned());
    let failed = explain(&check, &Ok(Outcome::Fail(command(|evidence| evidence.expected_exit = 1))));
    assert_eq!((failed.why.as_str(), failed.advice.as_str()), ("Parce que.", "Essayez."));
    let unknown = explain(&check, &Err(Error::NoCluster));
    assert_ne!(unknown.why, "Parce que.");
    let passed = explain(&check, &Ok(Outcome::Pass(command(|_| {}))));
    assert_eq!((passed.why.as_str(), passed.advice.as_str()), ("", ""));
}
