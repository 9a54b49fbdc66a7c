//! A made-up course and a snapshot of it, for tests and for the example that tries the screens by hand.

use std::sync::Arc;
use std::time::Duration;

use lab::{
    Block, BlockKind, Check, CheckId, Course, CourseId, Hint, LabFile, Need, Page, Segment, Solution, Step, StepId,
};
use runner::{CheckView, EnvironmentView, Snapshot, StepStateView, StepView, Verdict};

pub(crate) fn id(step: &str) -> StepId {
    StepId { course: CourseId("atelier-kubernetes".to_owned()), step: step.to_owned() }
}

fn prose(text: &str) -> Segment {
    Segment::Prose(text.to_owned())
}

fn block(kind: BlockKind, language: &str, text: &str) -> Segment {
    Segment::Block(Block { kind, language: language.to_owned(), text: text.to_owned(), line: 1 })
}

fn spec(text: &str) -> check::Spec {
    serde_json::from_str(text).expect("the specs below are well formed")
}

fn check(id: &str, title: &str, points: u32, expect: &str) -> Check {
    Check {
        id: CheckId(id.to_owned()),
        title: title.to_owned(),
        points,
        guard: false,
        why: None,
        advice: None,
        timeout: Duration::from_secs(30),
        spec: spec(expect),
    }
}

pub(crate) fn page() -> Page {
    Page {
        segments: vec![
            prose(
                "# Borner la mémoire\n\nUn conteneur sans limite peut occuper toute la mémoire du **nœud**[^1]. Une `LimitRange` donne à chaque \
                 conteneur du Namespace des valeurs par défaut ; voyez la [documentation](https://kubernetes.io/docs/concepts/policy/limit-range/).",
            ),
            block(BlockKind::Run, "bash", "kubectl get nodes\n"),
            prose("Complétez le fichier, puis appliquez-le :"),
            block(
                BlockKind::File("limitrange.yaml".to_owned()),
                "yaml",
                "apiVersion: v1\nkind: LimitRange\nmetadata:\n  name: limites # à garder\nspec:\n  limits:\n    - type: Container\n      default:\n        memory: 512Mi\n",
            ),
            block(BlockKind::Run, "bash", "kubectl apply -f limitrange.yaml\nkubectl describe limitrange limites\n"),
            block(BlockKind::Output, "text", "limitrange/limites created\n"),
            prose(
                "> [!tip]\n> `kubectl explain limitrange.spec.limits` décrit chaque champ.\n\n| objet | refuse |\n| --- | --- |\n| LimitRange | un conteneur trop grand |\n| ResourceQuota | le Pod de trop |\n\n1. Supprimez le Pod.\n2. Recréez-le, puis regardez la raison de son arrêt avec `kubectl describe`.",
            ),
            block(BlockKind::RunElsewhere("controller".to_owned()), "bash", "systemctl status kubelet\n"),
            Segment::Image {
                path: "files/noeuds.png".to_owned(),
                alt: "Trois nœuds et leurs Pods".to_owned(),
                content: Some(png(96, 40, |x, y| match (x / 4 % 8, y / 10 % 2) {
                    (0, _) | (_, 0) => [40, 90, 200, 255],
                    _ => [240, 240, 240, 255],
                })),
            },
            prose("[^1]: Le noyau finit par tuer un processus, pas toujours le bon."),
        ],
    }
}

fn step(name: &str, title: &str, chapter: &str) -> Step {
    Step {
        id: id(name),
        title: title.to_owned(),
        chapter: chapter.to_owned(),
        objectives: vec!["Donner des limites par défaut aux conteneurs d’un Namespace".to_owned()],
        learnt: "Une LimitRange donne des limites aux conteneurs qui n’en déclarent pas.".to_owned(),
        points: 6,
        minutes: 15,
        needs: vec![Need::Cluster],
        namespaces: vec!["default".to_owned()],
        checks: vec![
            check(
                "limitrange-presente",
                "Le Namespace default a une LimitRange",
                2,
                r#"{"kubernetes_object":{"api_version":"v1","kind":"LimitRange"}}"#,
            ),
            check(
                "limite-512",
                "La limite par défaut est de 512Mi de mémoire",
                3,
                r#"{"kubernetes_object":{"api_version":"v1","kind":"LimitRange","name":"limites"}}"#,
            ),
            check(
                "qui-refuse",
                "Vous savez quel objet refuse le Pod de trop",
                1,
                r#"{"question":{"ask":"Quel objet refuse le sixième Pod ?","choices":{"a":"LimitRange","b":"ResourceQuota","c":"le planificateur"},"answer":"b"}}"#,
            ),
            check(
                "combien",
                "Vous savez combien de Pods tiennent",
                0,
                r#"{"question":{"ask":"Combien de Pods ont été admis ?","number":5}}"#,
            ),
        ],
        hints: vec![
            Hint { text: "Regardez `kubectl explain limitrange.spec.limits`.".to_owned() },
            Hint { text: "Le champ s’appelle `default`.".to_owned() },
            Hint { text: "Il faut `memory: 512Mi` sous `default`.".to_owned() },
        ],
        setup: Vec::new(),
        reset: Vec::new(),
        page: page(),
        files: Vec::new(),
        solution: Some(Solution {
            page: Page {
                segments: vec![
                    prose("La limite par défaut s’applique aux conteneurs **créés ensuite**."),
                    block(BlockKind::Run, "bash", "kubectl apply -f limitrange.yaml\n"),
                ],
            },
            files: vec![LabFile {
                path: "limitrange.yaml".to_owned(),
                content: b"apiVersion: v1\nkind: LimitRange\nmetadata:\n  name: limites\nspec:\n  limits:\n    - type: Container\n      default:\n        memory: 512Mi\n        cpu: 10m\n"
                    .to_vec(),
            }],
            answers: vec![(CheckId("qui-refuse".to_owned()), "b".to_owned())],
        }),
    }
}

pub(crate) fn course() -> Course {
    let mut first = step("00-1-outil", "Découvrir l’outil", "00 Prise en main");
    first.learnt = "Un contrôle dit ce qu’il a trouvé.".to_owned();
    Course {
        id: CourseId("atelier-kubernetes".to_owned()),
        title: "Sécurité Kubernetes".to_owned(),
        summary: "Un parcours d’essai.".to_owned(),
        steps: vec![
            first,
            step("02-1-1-affamer", "Affamer un nœud", "02.1 Quotas"),
            step("02-1-3-borner", "Borner la mémoire", "02.1 Quotas"),
            step("02-1-4-saturer", "Saturer par le nombre", "02.1 Quotas"),
            step("02-1-5-quota", "Poser un quota", "02.1 Quotas"),
            step("02-1-6-docker", "Construire une image", "02.1 Quotas"),
        ],
        digest: "0".repeat(64),
        solution_digest: None,
        embedded: true,
        hint_cost: 10,
        after_solution: 0,
    }
}

/// The session of a learner at the third step: one check holds, one does not.
pub(crate) fn snapshot() -> Snapshot {
    let course = course();
    let states = [
        (StepStateView::Done, 6),
        (StepStateView::Done, 6),
        (StepStateView::Tried, 2),
        (StepStateView::Todo, 0),
        (StepStateView::Held { by: "Mme Martin".to_owned(), why: "correction à 11 h".to_owned() }, 0),
        (StepStateView::Impossible(Need::Docker), 0),
    ];
    let steps = course
        .steps
        .iter()
        .zip(states)
        .map(|(step, (state, points))| StepView { step: step.id.clone(), state, points, max: step.points })
        .collect();
    Snapshot {
        courses: Arc::new(vec![course]),
        steps,
        current: id("02-1-3-borner"),
        checks: vec![
            view("limitrange-presente", Verdict::Pass),
            view("limite-512", Verdict::Fail),
            view("qui-refuse", Verdict::Todo),
            view("combien", Verdict::Todo),
        ],
        hints: 1,
        solution_seen: false,
        work: std::path::PathBuf::from("/home/eleve/atelier/atelier-kubernetes/02-1-3-borner"),
        variables: vec![("KUBECONFIG".to_owned(), "/home/eleve/.local/state/atelier/kubeconfig".to_owned())],
        environment: EnvironmentView::Sandbox { nodes: 3, version: "v1.34.1".to_owned() },
        busy: None,
        unaccepted: None,
    }
}

/// The same with what the checks found: a question answered wrongly, an object that is not there, a refused request.
pub(crate) fn snapshot_with_results() -> Snapshot {
    let mut snapshot = snapshot();
    let missing = check::kinds::kubernetes_object::Evidence {
        target: check::Target {
            api_version: "v1".to_owned(),
            kind: "LimitRange".to_owned(),
            namespace: Some("default".to_owned()),
            name: Some("limites".to_owned()),
            selector: None,
        },
        absent: false,
        fields: Default::default(),
        finding: check::Finding::Missing { others: vec!["limite".to_owned()], elsewhere: Vec::new() },
    };
    let refused = check::Error::Forbidden { message: "limitranges is forbidden: no\u{1b}[31m".to_owned() };
    snapshot.checks[0].verdict = Verdict::Unknown;
    snapshot.checks[0].result = Some(Arc::new(Err(refused)));
    snapshot.checks[1].result = Some(Arc::new(Ok(check::Outcome::Fail(check::Evidence::KubernetesObject(missing)))));
    snapshot
}

pub(crate) fn view(id: &str, verdict: Verdict) -> CheckView {
    CheckView { id: CheckId(id.to_owned()), verdict, result: None, answer: None }
}

/// A PNG file of these pixels.
pub(crate) fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    let pixels: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(|x| pixel(x, y)).collect::<Vec<_>>()).collect();
    writer.write_image_data(&pixels).expect("as many pixels");
    writer.finish().expect("an end");
    file
}
