//! What the tests of several modules share: a small course, and a cluster to run it on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node};
use kube::api::{Api, PostParams};
use lab::{Catalog, StepId, Tree};
use sandbox::{Pace, Sandbox, Version};
use serde_json::json;

use crate::{Choice, Confirmation, Home};

const COURSE: &str = "format: 1\ntitle: Essai\nsummary: Pour les tests.\nchapters:\n  - title: A\n    steps: [un, deux, trois, noeud, panne]\n";

const UN: &str = "---\nformat: 1\ntitle: Un\nobjectives: [Essayer]\nlearnt: Rien.\npoints: 4\nminutes: 1\nneeds: [cluster]\nnamespaces: [default]\nfiles:\n  notes.txt: notes.txt\n  depart.yaml: depart.yaml\nsetup:\n  - apply: depart.yaml\n  - run: echo fois >> setups.txt\nchecks:\n  - id: depart\n    title: Le départ est là\n    points: 0\n    guard: true\n    expect:\n      kubernetes_object: { api_version: v1, kind: ConfigMap, name: depart }\n  - id: arrivee\n    title: L'arrivée est là\n    points: 2\n    expect:\n      kubernetes_object: { api_version: v1, kind: ConfigMap, name: arrivee }\n  - id: fichier\n    title: Le fichier dit oui\n    points: 1\n    expect:\n      file_content: { path: notes.txt, contains: [oui] }\n  - id: question\n    title: La réponse est juste\n    points: 1\n    expect:\n      question: { ask: Combien ?, number: 3 }\nhints: [Un, Deux]\n---\n\n# Un\n\nTexte.\n";

const DEUX: &str = "---\nformat: 1\ntitle: Deux\nobjectives: [Essayer]\nlearnt: Rien.\npoints: 2\nminutes: 1\nneeds: [cluster]\nnamespaces: [default]\nfiles:\n  notes.txt: notes.txt\nchecks:\n  - id: commande\n    title: La commande répond\n    points: 2\n    timeout: 2\n    expect:\n      command_output: { command: cat notes.txt, contains: [oui] }\nhints: [Un]\n---\n\n# Deux\n";

const TROIS: &str = "---\nformat: 1\ntitle: Trois\nobjectives: [Essayer]\nlearnt: Rien.\npoints: 1\nminutes: 1\nneeds: [sandbox]\nnamespaces: [default]\nchecks:\n  - id: lente\n    title: La commande dure\n    points: 1\n    timeout: 60\n    expect:\n      command_output: { command: echo $$ > pid; sleep 50 }\nhints: [Un]\n---\n\n# Trois\n";

const NOEUD: &str = "---\nformat: 1\ntitle: Noeud\nobjectives: [Essayer]\nlearnt: Rien.\npoints: 1\nminutes: 1\nneeds: [{ node: node9 }]\nnamespaces: [default]\nchecks:\n  - id: rien\n    title: Rien\n    points: 1\n    expect:\n      file_content: { path: a, contains: [oui] }\nhints: [Un]\n---\n\n# Noeud\n";

const PANNE: &str = "---\nformat: 1\ntitle: Panne\nobjectives: [Essayer]\nlearnt: Rien.\npoints: 2\nminutes: 1\nneeds: [sandbox, { node: node3 }]\nnamespaces: [default]\nchecks:\n  - id: panne\n    title: Le nœud est tombé\n    points: 2\n    expect:\n      observed:\n        node_not_ready: { node: node3 }\nhints: [Un]\n---\n\n# Panne\n";

const SOLUTION: &str =
    "---\nformat: 1\nanswers:\n  question: 3\n---\n\n# Un\n\n```bash run\nmkdir -p fait\ntouch fait/ici\n```\n";
const SOLUTION_DEUX: &str = "---\nformat: 1\n---\n\n# Deux\n\n```bash run\necho oui > notes.txt\n```\n";

/// Returns a step's id in the small course.
pub(crate) fn id(step: &str) -> StepId {
    StepId::try_from(format!("essai/{step}")).unwrap()
}

/// Whether the small course came with the program.
pub(crate) enum Origin {
    Embedded,
    Elsewhere,
}

/// Returns the small course.
pub(crate) fn catalog(origin: &Origin) -> Catalog {
    let depart = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: depart }\ndata: { a: b }\n";
    let labs = Tree::from_files(
        "labs",
        [
            ("essai/course.yaml", COURSE.as_bytes().to_vec()),
            ("essai/un.md", UN.as_bytes().to_vec()),
            ("essai/deux.md", DEUX.as_bytes().to_vec()),
            ("essai/trois.md", TROIS.as_bytes().to_vec()),
            ("essai/noeud.md", NOEUD.as_bytes().to_vec()),
            ("essai/panne.md", PANNE.as_bytes().to_vec()),
            ("essai/files/notes.txt", b"non\n".to_vec()),
            ("essai/files/depart.yaml", depart.as_bytes().to_vec()),
        ],
    );
    let solutions = Tree::from_files(
        "solutions",
        [
            ("essai/un/solution.md", SOLUTION.as_bytes().to_vec()),
            ("essai/un/notes.txt", b"oui\n".to_vec()),
            ("essai/deux/solution.md", SOLUTION_DEUX.as_bytes().to_vec()),
        ],
    );
    let (catalog, problems) = lab::load(&labs, Some(&solutions));
    assert_eq!(catalog.steps().count(), 5, "{problems:#?}");
    let mut courses = catalog.courses().to_vec();
    for course in &mut courses {
        course.embedded = matches!(origin, Origin::Embedded);
    }
    Catalog::new(courses)
}

/// A learner with a home of their own, and a cluster that they call a real one.
pub(crate) struct Learner {
    pub(crate) home: Home,
    pub(crate) client: kube::Client,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) sandbox: Option<Sandbox>,
    _root: tempfile::TempDir,
}

impl Learner {
    pub(crate) async fn with_cluster() -> Learner {
        let root = tempfile::tempdir().unwrap();
        let options = sandbox::Options { version: Version::V1_34, state: None, address: None, pace: Pace::Fast };
        let sandbox = Sandbox::start(options).await.unwrap();
        let kubeconfig = root.path().join("kubeconfig");
        std::fs::write(&kubeconfig, sandbox.kubeconfig()).unwrap();
        let config = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        bootstrap(&client).await;
        let home = Home::below(&root.path().join("home"));
        Learner { home, client, kubeconfig, sandbox: Some(sandbox), _root: root }
    }

    /// Returns the cluster as the environment to choose.
    pub(crate) fn choice(&self, confirmation: Confirmation) -> Choice {
        Choice::Cluster { kubeconfigs: vec![self.kubeconfig.clone()], context: None, confirmation }
    }

    /// Makes a ConfigMap, as the learner would.
    pub(crate) async fn make(&self, name: &str) {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "default");
        let map = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        maps.create(&PostParams::default(), &map).await.unwrap();
    }

    /// Returns the names of the ConfigMaps, save the cluster's own.
    pub(crate) async fn made(&self) -> Vec<String> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "default");
        let listed = maps.list(&Default::default()).await.unwrap();
        let names = listed.items.into_iter().filter_map(|map| map.metadata.name);
        names.filter(|name| name != "kube-root-ca.crt").collect()
    }

    pub(crate) fn work(&self, step: &str) -> PathBuf {
        self.home.work(&id(step)).unwrap()
    }
}

/// Returns the variables that commands of tests need.
pub(crate) fn variables() -> BTreeMap<String, String> {
    BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())])
}

/// Tells whether a process is there and not only waiting to be buried.
pub(crate) fn alive(pid: &str) -> bool {
    std::fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

/// Makes what every cluster has, where it is missing.
pub(crate) async fn bootstrap(client: &kube::Client) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in ["default", "kube-system"] {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        ignore_conflict(namespaces.create(&PostParams::default(), &namespace).await);
    }
    let nodes: Api<Node> = Api::all(client.clone());
    for name in ["node1", "node2", "node3"] {
        let node = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        ignore_conflict(nodes.create(&PostParams::default(), &node).await);
    }
}

fn ignore_conflict<T: std::fmt::Debug>(result: kube::Result<T>) {
    match result {
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        other => {
            other.unwrap();
        }
    }
}
