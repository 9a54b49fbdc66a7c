//! The kubectl stand-in against the sandbox: the story of the quota chapter, as a learner without kubectl types it.

use std::path::{Path, PathBuf};

use crate::cli::{Answer, command, run};

/// A sandbox, and the binary under the name `kubectl`.
struct Bench {
    folder: tempfile::TempDir,
    program: PathBuf,
    kubeconfig: PathBuf,
    sandbox: Option<sandbox::Sandbox>,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("kubectl");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_atelier-under-test"), &program).expect("a link");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let options = sandbox::Options {
            version: sandbox::Version::V1_34,
            state: None,
            address: None,
            pace: sandbox::Pace::Fast,
        };
        let sandbox = runtime.block_on(sandbox::Sandbox::start(options)).expect("a sandbox");
        let kubeconfig = folder.path().join("config");
        std::fs::write(&kubeconfig, sandbox.kubeconfig()).expect("a file");
        Bench { folder, program, kubeconfig, sandbox: Some(sandbox), runtime }
    }

    fn kubectl(&self, line: &str) -> Answer {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        run(command(&self.program, self.folder.path()).env("KUBECONFIG", &self.kubeconfig).args(words))
    }

    /// What a command that must succeed prints.
    fn ok(&self, line: &str) -> String {
        let answer = self.kubectl(line);
        assert_eq!(answer.code, Some(0), "kubectl {line}: {}{}", answer.out, answer.error);
        answer.out
    }

    /// What a command that must fail says.
    fn refused(&self, line: &str) -> String {
        let answer = self.kubectl(line);
        assert_eq!(answer.code, Some(1), "kubectl {line}: {}", answer.out);
        answer.error
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(Path::new(self.folder.path()).join(name), text).expect("a file");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(sandbox.stop());
        }
    }
}

const EXHAUSTER: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: exhauster, labels: { app: exhauster } }
spec:
  replicas: 1
  selector: { matchLabels: { app: exhauster } }
  template:
    metadata: { labels: { app: exhauster } }
    spec:
      containers:
      - name: exhauster
        image: busybox:1.36
        command: [sleep, '3600']
";

const LIMITS: &str = "apiVersion: v1
kind: LimitRange
metadata: { name: bornes }
spec:
  limits:
  - { type: Container, default: { memory: 512Mi, cpu: 10m } }
";

#[test]
fn the_quota_chapter_can_be_done_with_the_stand_in() {
    let bench = Bench::new();
    bench.write("exhauster.yaml", EXHAUSTER);
    bench.write("limitrange.yaml", LIMITS);
    assert_eq!(bench.ok("create ns essai"), "namespace/essai created\n");
    let nodes = bench.ok("get nodes");
    assert!(nodes.starts_with("NAME    STATUS   ROLES           AGE"), "{nodes}");
    assert_eq!(nodes.lines().count(), 4);

    assert_eq!(bench.ok("-n essai apply -f limitrange.yaml"), "limitrange/bornes created\n");
    assert_eq!(bench.ok("-n essai apply -f limitrange.yaml"), "limitrange/bornes unchanged\n");
    bench.write("limitrange.yaml", &LIMITS.replace("512Mi", "256Mi"));
    assert_eq!(bench.ok("-n essai apply -f limitrange.yaml"), "limitrange/bornes configured\n");
    let default = "-n essai get limits bornes -o jsonpath={.spec.limits[0].default.memory}";
    assert_eq!(bench.ok(default), "256Mi");
    let described = bench.ok("-n essai describe limitrange bornes");
    assert!(described.contains("Container   memory    -    -    256Mi            256Mi          -"), "{described}");

    assert_eq!(bench.ok("-n essai apply -f exhauster.yaml"), "deployment.apps/exhauster created\n");
    assert!(bench.ok("-n essai rollout status deploy/exhauster --timeout=20s").contains("successfully rolled out"));
    assert_eq!(
        bench.ok("-n essai wait --for=condition=Available deploy/exhauster --timeout=20s"),
        "deployment.apps/exhauster condition met\n"
    );
    assert_eq!(bench.ok("-n essai create quota borne --hard=pods=3"), "resourcequota/borne created\n");
    assert_eq!(bench.ok("-n essai scale deploy exhauster --replicas=5"), "deployment.apps/exhauster scaled\n");
    let three = "-n essai wait --for=jsonpath={.status.readyReplicas}=3 deploy/exhauster --timeout=20s";
    assert_eq!(bench.ok(three), "deployment.apps/exhauster condition met\n");
    let quota = bench.ok("-n essai describe quota borne");
    assert!(quota.contains("pods        3     3"), "{quota}");
    let events = bench.ok("-n essai get events --field-selector=reason=FailedCreate -o jsonpath={.items[0].message}");
    assert!(events.contains("exceeded quota: borne"), "{events}");
    let all = bench.ok("-n essai get all");
    assert!(all.contains("deployment.apps/exhauster   3/5"), "{all}");

    assert_eq!(bench.ok("-n essai delete -f exhauster.yaml"), "deployment.apps \"exhauster\" deleted\n");
    bench.ok("-n essai delete pods --all");
    assert_eq!(bench.ok("-n essai delete quota,limits --all").lines().count(), 2);
    assert_eq!(bench.ok("delete ns essai"), "namespace \"essai\" deleted\n");
    assert_eq!(bench.refused("get ns essai"), "Error from server (NotFound): namespaces \"essai\" not found\n");
}

#[test]
fn objects_are_changed_as_kubectl_changes_them() {
    let bench = Bench::new();
    assert_eq!(bench.ok("create deployment web --image=nginx:1.27"), "deployment.apps/web created\n");
    assert_eq!(bench.ok("label deploy web palier=avant"), "deployment.apps/web labeled\n");
    assert_eq!(bench.ok("label deploy web palier=avant"), "deployment.apps/web not labeled\n");
    assert_eq!(
        bench.refused("label deploy web palier=arriere"),
        "error: 'palier' already has a value (avant), and --overwrite is false\n"
    );
    assert_eq!(bench.ok("label deploy web palier-"), "deployment.apps/web unlabeled\n");
    assert_eq!(bench.ok("annotate deploy web note=1"), "deployment.apps/web annotated\n");
    assert_eq!(bench.ok("set image deploy/web nginx=nginx:1.28"), "deployment.apps/web image updated\n");
    let image = "get deploy web -o jsonpath={.spec.template.spec.containers[*].image}";
    assert_eq!(bench.ok(image), "nginx:1.28");
    assert_eq!(bench.ok("get deploy web -o name"), "deployment.apps/web\n");
    let yaml = bench.ok("get deploy web -o yaml");
    assert!(yaml.starts_with("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  annotations:\n"), "{yaml}");
    assert!(!yaml.contains("managedFields"));
    bench.write("editeur.sh", "#!/bin/sh\nsed -i 's/replicas: 1/replicas: 2/' \"$1\"\n");
    let script = bench.folder.path().join("editeur.sh");
    let mut edit = command(&bench.program, bench.folder.path());
    edit.env("KUBECONFIG", &bench.kubeconfig)
        .env("EDITOR", format!("sh {}", script.display()))
        .args(["edit", "deploy", "web"]);
    let edited = run(&mut edit);
    assert_eq!((edited.out.as_str(), edited.error.as_str()), ("deployment.apps/web edited\n", ""));
    assert_eq!(bench.ok("get deploy web -o jsonpath={.spec.replicas}"), "2");
    assert_eq!(bench.ok("cordon node3"), "node/node3 cordoned\n");
    assert_eq!(bench.ok("cordon node3"), "node/node3 already cordoned\n");
    assert_eq!(bench.ok("uncordon node3"), "node/node3 uncordoned\n");
}

#[test]
fn the_stand_in_says_where_it_ends() {
    let bench = Bench::new();
    for (line, sentence) in [
        ("exec web -- sh", "ne connaît pas la commande « exec »"),
        ("get pods --sauce", "ne connaît pas l’option « --sauce »"),
        ("config use-context autre", "ne connaît pas la commande « config use-context »"),
        ("create ingress x", "ne connaît pas la commande « create ingress »"),
    ] {
        let error = bench.refused(line).replace('\u{a0}', " ");
        assert!(error.contains(sentence), "{line}: {error}");
    }
    assert_eq!(bench.refused("get sauce"), "error: the server doesn't have a resource type \"sauce\"\n");
    assert_eq!(bench.refused("get pods rien"), "Error from server (NotFound): pods \"rien\" not found\n");
    assert_eq!(bench.refused("apply -f rien.yaml"), "error: the path \"rien.yaml\" does not exist\n");
    let top = bench.ok("top nodes");
    assert!(top.lines().count() == 4 && top.contains("Mi"), "{top}");
    assert_eq!(bench.kubectl("get pods").error, "No resources found in default namespace.\n");
    bench.write("faux.yaml", "apiVersion: v1\nkind: Pod\nmetadata: { name: X }\nspec: { containers: [] }\n");
    let invalid = bench.refused("apply -f faux.yaml");
    assert!(invalid.starts_with("The Pod \"X\" is invalid: "), "{invalid}");
}

#[test]
fn an_unreachable_server_is_said_as_kubectl_says_it() {
    let bench = Bench::new();
    let config = std::fs::read_to_string(&bench.kubeconfig).unwrap();
    let server = config.lines().find(|line| line.contains("server:")).unwrap().to_owned();
    std::fs::write(&bench.kubeconfig, config.replace(&server, "    server: https://127.0.0.1:1")).unwrap();
    assert_eq!(
        bench.refused("get pods"),
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n"
    );
}
