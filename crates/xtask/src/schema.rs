//! `cargo xtask schema`: makes the files of `assets/kubernetes`. `schema.json.gz` is the table of Kubernetes' types that the
//! sandbox decodes, checks and merges objects by. `assets/kubernetes/README.md` says where its sources come
//! from.
//!
//! The JSON schema gives names, types and merge keys; the prost sources of crate `k8s-pb` give protobuf tags.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, GzBuilder};
use serde_json::{Map, Value, json};

mod openapi;

/// What `cargo xtask schema` needs.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The JSON schema of all definitions (`_definitions.json`), with its `x-kubernetes-*` extensions.
    #[arg(long)]
    definitions: PathBuf,
    /// The OpenAPI v2 document of a Kubernetes 1.20, for the versions of kinds that 1.34 has no more.
    #[arg(long)]
    older: PathBuf,
    /// The sources of crate `k8s-pb`.
    #[arg(long)]
    k8s_pb: PathBuf,
    /// Where to write.
    #[arg(long, default_value = "assets/kubernetes/schema.json.gz")]
    output: PathBuf,
}

/// The packages whose kinds the sandbox serves, or will.
const PACKAGES: [&str; 20] = [
    "io.k8s.api.admissionregistration.v1",
    "io.k8s.api.apps.v1",
    "io.k8s.api.authentication.v1",
    "io.k8s.api.authorization.v1",
    "io.k8s.api.autoscaling.v1",
    "io.k8s.api.autoscaling.v2",
    "io.k8s.api.batch.v1",
    "io.k8s.api.certificates.v1",
    "io.k8s.api.coordination.v1",
    "io.k8s.api.core.v1",
    "io.k8s.api.discovery.v1",
    "io.k8s.api.events.v1",
    "io.k8s.api.networking.v1",
    "io.k8s.api.node.v1",
    "io.k8s.api.policy.v1",
    "io.k8s.api.rbac.v1",
    "io.k8s.api.scheduling.v1",
    "io.k8s.api.storage.v1",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
];

/// The packages of what 1.20 served.
const PACKAGES_1_20: [&str; 28] = [
    "io.k8s.api.admissionregistration.v1",
    "io.k8s.api.apps.v1",
    "io.k8s.api.authentication.v1",
    "io.k8s.api.authorization.v1",
    "io.k8s.api.autoscaling.v1",
    "io.k8s.api.autoscaling.v2beta2",
    "io.k8s.api.batch.v1",
    "io.k8s.api.batch.v1beta1",
    "io.k8s.api.certificates.v1",
    "io.k8s.api.coordination.v1",
    "io.k8s.api.coordination.v1beta1",
    "io.k8s.api.core.v1",
    "io.k8s.api.discovery.v1beta1",
    "io.k8s.api.events.v1",
    "io.k8s.api.extensions.v1beta1",
    "io.k8s.api.networking.v1",
    "io.k8s.api.networking.v1beta1",
    "io.k8s.api.node.v1",
    "io.k8s.api.node.v1beta1",
    "io.k8s.api.policy.v1beta1",
    "io.k8s.api.rbac.v1",
    "io.k8s.api.rbac.v1beta1",
    "io.k8s.api.scheduling.v1",
    "io.k8s.api.scheduling.v1beta1",
    "io.k8s.api.storage.v1",
    "io.k8s.api.storage.v1beta1",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
];

/// The kinds that are served by older versions only.
const OLDER: [&str; 16] = [
    "io.k8s.api.autoscaling.v2beta2.HorizontalPodAutoscaler",
    "io.k8s.api.batch.v1beta1.CronJob",
    "io.k8s.api.coordination.v1beta1.Lease",
    "io.k8s.api.discovery.v1beta1.EndpointSlice",
    "io.k8s.api.extensions.v1beta1.Ingress",
    "io.k8s.api.networking.v1beta1.Ingress",
    "io.k8s.api.node.v1beta1.RuntimeClass",
    "io.k8s.api.policy.v1beta1.Eviction",
    "io.k8s.api.policy.v1beta1.PodDisruptionBudget",
    "io.k8s.api.policy.v1beta1.PodSecurityPolicy",
    "io.k8s.api.rbac.v1beta1.ClusterRole",
    "io.k8s.api.rbac.v1beta1.ClusterRoleBinding",
    "io.k8s.api.rbac.v1beta1.Role",
    "io.k8s.api.rbac.v1beta1.RoleBinding",
    "io.k8s.api.scheduling.v1beta1.PriorityClass",
    "io.k8s.api.storage.v1beta1.StorageClass",
];

/// Optional numbers, booleans and texts that are pointers in Kubernetes' Go types, where zero says something. For
/// all others, Go writes a zero into protobuf even if nobody set the field. A name stands for the field of all
/// types, or of one.
const POINTERS: &str = "activeDeadlineSeconds allocateLoadBalancerNodePorts allowPrivilegeEscalation \
    allowVolumeExpansion attachRequired automountServiceAccountToken averageUtilization backoffLimit \
    backoffLimitPerIndex blockOwnerDeletion completions controller defaultMode deletionGracePeriodSeconds \
    enableServiceLinks endPort expirationSeconds failedJobsHistoryLimit fsGroup gracePeriodSeconds hostProcess \
    hostUsers immutable leaseDurationSeconds leaseTransitions manualSelector maxFailedIndexes minDomains \
    minReplicas mode optional orphanDependents parallelism partition podInfoOnMount \
    priority privileged progressDeadlineSeconds readOnlyRootFilesystem ready replicas revisionHistoryLimit \
    runAsGroup runAsNonRoot runAsUser serving setHostnameAsFQDN shareProcessNamespace stabilizationWindowSeconds \
    Endpoint.hostname Endpoint.nodeName Endpoint.zone EndpointPort.appProtocol IngressSpec.ingressClassName \
    LeaseSpec.holderIdentity LeaseSpec.preferredHolder PersistentVolumeClaimSpec.storageClassName \
    PersistentVolumeClaimSpec.volumeAttributesClassName PersistentVolumeClaimSpec.volumeMode PodSpec.runtimeClassName \
    ServicePort.appProtocol ServiceSpec.loadBalancerClass TypedLocalObjectReference.apiGroup \
    TypedObjectReference.apiGroup TypedObjectReference.namespace \
    startingDeadlineSeconds successfulJobsHistoryLimit suspend targetCPUUtilizationPercentage \
    terminating terminationGracePeriodSeconds tolerationSeconds ttlSecondsAfterFinished";

/// Makes the file.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let text =
        fs::read(&arguments.definitions).with_context(|| format!("cannot read {}", arguments.definitions.display()))?;
    let root: Value = serde_json::from_slice(&text)?;
    let definitions = ["$defs", "definitions"]
        .iter()
        .find_map(|key| root[*key].as_object())
        .or_else(|| root.as_object())
        .context("the JSON schema has no definitions")?;
    let text = fs::read(&arguments.older).with_context(|| format!("cannot read {}", arguments.older.display()))?;
    let older: Value = serde_json::from_slice(&text)?;
    let older = older["definitions"].as_object().context("the older document has no definitions")?;
    let mut messages = BTreeMap::new();
    read_sources(&arguments.k8s_pb.join("src"), &mut Vec::new(), &mut messages)?;

    let mut build = Build { messages, types: BTreeMap::new(), waiting: BTreeSet::new() };
    for name in definitions.keys() {
        let package = name.rsplit_once('.').map_or("", |(package, _)| package);
        let is_kind = !definitions[name]["properties"]["kind"].is_null();
        if PACKAGES.contains(&package) && is_kind && !name.ends_with("List") {
            build.waiting.insert(name.clone());
        }
    }
    build.waiting.extend(OLDER.map(str::to_owned));
    build.waiting.insert("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions".to_owned());
    while let Some(name) = build.waiting.pop_first() {
        if !build.types.contains_key(&name) {
            let definition = definitions
                .get(&name)
                .or_else(|| older.get(&name))
                .with_context(|| format!("no definition of {name}"))?;
            let properties = definition["properties"].as_object().cloned().unwrap_or_default();
            let required = definition["required"].as_array().cloned().unwrap_or_default();
            let fields = build.fields(&name, &properties, &required)?;
            build.types.insert(name, fields);
        }
    }
    pack(&arguments.output, &json!({ "types": build.types }).to_string())?;
    openapi::write(&arguments.output.with_file_name("openapi-1.34.txt.gz"), &PACKAGES, definitions, older)?;
    openapi::write(&arguments.output.with_file_name("openapi-1.20.txt.gz"), &PACKAGES_1_20, older, older)
}

/// Writes a compressed file whose bytes depend on the text alone.
fn pack(output: &Path, text: &str) -> Result<()> {
    let mut packed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    packed.write_all(text.as_bytes())?;
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(output, packed.finish()?)?;
    Ok(())
}

struct Build {
    /// By full name in lower case.
    messages: BTreeMap<String, Vec<Tagged>>,
    types: BTreeMap<String, Map<String, Value>>,
    waiting: BTreeSet<String>,
}

/// A field of a protobuf message.
#[derive(Debug, Clone)]
struct Tagged {
    name: String,
    tag: u64,
    /// The message's full name, for messages.
    message: Option<String>,
    is_bytes: bool,
}

impl Build {
    /// Returns the fields of a type, by JSON name.
    fn fields(
        &mut self,
        name: &str,
        properties: &Map<String, Value>,
        required: &[Value],
    ) -> Result<Map<String, Value>> {
        let tagged = self.message(name);
        let mut fields = Map::new();
        for (key, property) in properties {
            let mut field = Map::new();
            let found = tagged.iter().find(|field| normal(&field.name) == normal(key));
            let kind = self.kind(property).with_context(|| format!("{name}.{key}"))?;
            let kind = match found {
                Some(found) if found.is_bytes => kind.replace("string", "bytes"),
                _ => kind,
            };
            field.insert("type".to_owned(), kind.into());
            if let Some(found) = found {
                field.insert("tag".to_owned(), found.tag.into());
            }
            let own = format!("{}.{key}", name.rsplit('.').next().unwrap_or_default());
            let is_required = field["type"] != "string" && required.iter().any(|one| one == key);
            if is_required || POINTERS.split_whitespace().any(|one| one == key || one == own) {
                field.insert("zero".to_owned(), true.into());
            }
            for (from, to) in [
                ("x-kubernetes-patch-merge-key", "key"),
                ("x-kubernetes-patch-strategy", "strategy"),
                ("x-kubernetes-list-map-keys", "keys"),
                ("x-kubernetes-list-type", "list"),
                ("x-kubernetes-map-type", "map"),
            ] {
                if let Some(value) = property.get(from) {
                    field.insert(to.to_owned(), value.clone());
                }
            }
            fields.insert(key.clone(), field.into());
        }
        // Messages that Go inlines into their parent: their fields are the parent's in JSON.
        for field in &tagged {
            let is_property = properties.keys().any(|key| normal(key) == normal(&field.name));
            let Some(message) = field.message.as_ref().filter(|_| !is_property) else { continue };
            if !INLINED.contains(&field.name.as_str()) {
                continue;
            }
            if !self.types.contains_key(message) {
                let inner = self.fields(message, properties, &[])?;
                let tagged = self.message(message);
                let own = inner
                    .into_iter()
                    .filter(|(key, _)| tagged.iter().any(|field| normal(&field.name) == normal(key)))
                    .collect();
                self.types.insert(message.clone(), own);
            }
            fields.insert(format!("~{}", field.name), json!({ "type": format!("ref:{message}"), "tag": field.tag }));
        }
        Ok(fields)
    }

    /// Returns a message's fields; prost writes `HpaScalingRules` for `HPAScalingRules`.
    fn message(&self, name: &str) -> Vec<Tagged> {
        self.messages.get(&name.to_lowercase()).cloned().unwrap_or_default()
    }

    fn kind(&mut self, property: &Value) -> Result<String> {
        if let Some(reference) = property["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
            return Ok(match name.rsplit('.').next().unwrap_or_default() {
                "Quantity" => "quantity".to_owned(),
                "IntOrString" => "int-or-string".to_owned(),
                "Time" => "time".to_owned(),
                "MicroTime" => "micro-time".to_owned(),
                "FieldsV1" | "RawExtension" | "JSON" => "object".to_owned(),
                "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrStringArray" => {
                    "object".to_owned()
                }
                _ => {
                    self.waiting.insert(name.clone());
                    format!("ref:{name}")
                }
            });
        }
        if property["items"].is_object() {
            return Ok(format!("list:{}", self.kind(&property["items"])?));
        }
        if property["additionalProperties"].is_object() {
            return Ok(format!("map:{}", self.kind(&property["additionalProperties"])?));
        }
        let kinds: Vec<&str> = match &property["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        let known = ["string", "integer", "number", "boolean", "object"];
        match kinds.iter().find(|kind| known.contains(kind)) {
            // Go tells the two apart, and says so in its errors.
            Some(&"integer") => Ok(property["format"].as_str().unwrap_or("int64").to_owned()),
            Some(kind) => Ok((*kind).to_owned()),
            None => bail!("unknown type {property}"),
        }
    }
}

/// The fields whose messages Go inlines into their parent.
const INLINED: [&str; 6] = [
    "ephemeral_container_common",
    "handler",
    "ingress_rule_value",
    "local_object_reference",
    "persistent_volume_source",
    "volume_source",
];

/// prost writes names in snake case, JSON in camel case; some of Kubernetes' names fit neither.
fn normal(name: &str) -> String {
    name.replace("r#", "").replace('_', "").to_lowercase()
}

fn read_sources(folder: &Path, module: &mut Vec<String>, messages: &mut BTreeMap<String, Vec<Tagged>>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            module.push(name);
            read_sources(&path, module, messages)?;
            module.pop();
        } else if name == "mod.rs" {
            read_module(&fs::read_to_string(&path)?, module, messages)?;
        }
    }
    Ok(())
}

fn read_module(text: &str, module: &[String], messages: &mut BTreeMap<String, Vec<Tagged>>) -> Result<()> {
    let mut current: Option<String> = None;
    let mut attribute: Option<String> = None;
    let mut declaration = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            let name = rest.split([' ', '{']).next().unwrap_or_default();
            let full = full_name(module, name);
            let key = full.to_lowercase();
            messages.entry(key.clone()).or_default();
            current = Some(key);
        } else if let Some(rest) = line.strip_prefix("#[prost(") {
            attribute = Some(rest.to_owned());
            declaration.clear();
        } else if let Some(tags) = &attribute {
            declaration.push_str(line);
            if line.ends_with(',') && balanced(&declaration) {
                let field = tagged(tags, &declaration, module)?;
                if let Some(fields) = current.as_ref().and_then(|name| messages.get_mut(name)) {
                    fields.push(field);
                }
                attribute = None;
            }
        }
    }
    Ok(())
}

fn balanced(text: &str) -> bool {
    text.matches('<').count() == text.matches('>').count()
}

fn tagged(attribute: &str, declaration: &str, module: &[String]) -> Result<Tagged> {
    let tag = attribute
        .split("tag = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .and_then(|tag| tag.parse().ok())
        .with_context(|| format!("no tag in {attribute}"))?;
    let (name, kind) =
        declaration.trim_start_matches("pub ").split_once(':').with_context(|| format!("no field in {declaration}"))?;
    let message = attribute.contains("message").then(|| {
        // The innermost, last type argument: `Option<Vec<a::B>>`, `BTreeMap<String, B>`.
        let inner = kind.rsplit('<').next().unwrap_or_default().trim_end_matches(['>', ',', ' ']);
        let path = inner.rsplit(", ").next().unwrap_or_default();
        resolve(path.trim(), module)
    });
    Ok(Tagged { name: name.trim().to_owned(), tag, message, is_bytes: attribute.contains("bytes") })
}

/// Returns the full name of `super::super::v1::Name`, seen from a module.
fn resolve(path: &str, module: &[String]) -> String {
    let mut at: Vec<String> = module.to_vec();
    let mut segments: Vec<&str> = path.split("::").collect();
    let name = segments.pop().unwrap_or_default();
    for segment in segments {
        if segment == "super" {
            at.pop();
        } else {
            at.push(segment.to_owned());
        }
    }
    full_name(&at, name)
}

fn full_name(module: &[String], name: &str) -> String {
    format!("io.k8s.{}.{name}", module.join("."))
}
