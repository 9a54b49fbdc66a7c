//! Creating and changing objects: decode, defaults, admission, validation, storage, in the real order.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Api, Caller, State, Status, Target, is_dry, meta, metadata};
use crate::admission::{DryRun, Operation, Plugin, Request, Transaction};
use crate::clock::rfc3339;
use crate::custom::structural;
use crate::ownership::{self, Application, Conflicts, Ownership};
use crate::resources::Resource;
use crate::store::{Key, Object};
use crate::{defaults, validation};

/// How a change is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteOptions {
    /// Whether anything is stored.
    pub(crate) dry_run: DryRun,
    /// Who owns what is written.
    pub(crate) ownership: Ownership,
}

/// The result of a change.
#[derive(Debug)]
pub(crate) struct Written {
    /// The object afterwards.
    pub(crate) object: Object,
    /// What the caller should know.
    pub(crate) warnings: Vec<String>,
}

/// What a server-side apply asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Configuration<'a> {
    /// The fields that are wanted.
    pub(crate) object: &'a Value,
    /// Who wants them.
    pub(crate) manager: &'a str,
    /// What happens to the fields of others.
    pub(crate) conflicts: Conflicts,
}

/// What a server-side apply did.
#[derive(Debug)]
pub(crate) enum Applied {
    /// It made the object.
    Created(Written),
    /// It changed the object, or left it as it was.
    Changed(Written),
}

impl Applied {
    /// Returns the result.
    pub(crate) fn written(&self) -> &Written {
        match self {
            Applied::Created(written) | Applied::Changed(written) => written,
        }
    }
}

/// A change of a stored object, made while the store is locked.
type Change<'a> = &'a mut dyn FnMut(&mut Value) -> Result<(), Status>;

impl Api {
    /// Stores a new object. Its `metadata.namespace` may be empty.
    pub(crate) fn create(
        &self,
        caller: &Caller,
        resource: &'static Resource,
        namespace: &str,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Written, Status> {
        let mut state = self.lock();
        let result = self.create_locked(&mut state, caller, resource, namespace, object, options);
        if !is_dry(options) {
            let object = result.as_ref().ok().map(|written| Arc::clone(&written.object));
            let name = object.as_deref().map_or("", |object| meta(object, "name"));
            let target = Target::new(resource, namespace, name);
            self.record(&mut state, caller, "create", target, result.as_ref().map(|_| (201, object.clone())));
        }
        result
    }

    pub(super) fn create_locked(
        &self,
        state: &mut State,
        caller: &Caller,
        resource: &'static Resource,
        namespace: &str,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Written, Status> {
        let now = self.shared.clock.now();
        identify(resource, namespace, &mut object)?;
        let map = metadata::of(&mut object)?;
        for field in
            ["resourceVersion", "uid", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"]
        {
            let given = map.remove(field);
            if field == "resourceVersion"
                && given.is_some_and(|given| given.as_str().is_some_and(|text| !text.is_empty()))
            {
                return Err(Status::bad_request("resourceVersion should not be set on objects to be created"));
            }
        }
        if options.ownership != Ownership::Applied {
            map.remove("managedFields");
        }
        map.insert("uid".to_owned(), Uuid::new_v4().to_string().into());
        map.insert("creationTimestamp".to_owned(), rfc3339(now).into());
        if resource.generation.is_counted(self.version()) {
            map.insert("generation".to_owned(), 1.into());
        }
        // Status is the system's: clients of a resource that has a separate one cannot bring it along.
        if resource.has_status()
            && !caller.is_built_in()
            && let Some(map) = object.as_object_mut()
        {
            map.remove("status");
        }
        defaults::apply(resource, &mut object, self.version())?;
        let served = self.served();
        let definition = served.definition(resource);
        if let Some(definition) = definition {
            structural::fill(&definition.schema, &mut object);
        }

        let name = meta(&object, "name").to_owned();
        let mut request = Request {
            caller: caller.clone(),
            operation: Operation::Create,
            resource,
            subresource: None,
            namespace: namespace.to_owned(),
            name,
            object,
            old: None,
            warnings: Vec::new(),
            annotations: BTreeMap::new(),
        };
        let mut transaction = Transaction::new(&state.store);
        for plugin in self.chain().iter() {
            plugin.mutate(&mut request, &mut transaction).inspect_err(|status| refused(&**plugin, status))?;
        }
        if request.name.is_empty() {
            let base = meta(&request.object, "generateName").to_owned();
            if !base.is_empty() {
                request.name = metadata::generate_name(&base);
                request.object["metadata"]["name"] = request.name.as_str().into();
            }
        }
        let mut causes = metadata::validate(resource, &request.object);
        causes.extend(validation::validate(resource, &request.object, None, self.version()));
        if let Some(definition) = definition {
            causes.extend(structural::validate(&definition.schema, &request.object, self.version()));
        }
        if !causes.is_empty() {
            return Err(Status::invalid(resource, &request.name, causes));
        }
        for plugin in self.chain().iter() {
            plugin.validate(&mut request, &mut transaction).inspect_err(|status| refused(&**plugin, status))?;
        }
        // As in the real server, admission comes first; what it wrote is dropped with the transaction.
        if state.store.get(resource, namespace, &request.name).is_some() {
            return Err(Status::already_exists(resource, &request.name));
        }
        let writes = transaction.into_writes();
        let Request { mut object, warnings, name, annotations, .. } = request;
        if let Ownership::Update(manager) = &options.ownership {
            ownership::track(resource, None, &mut object, manager, None, &rfc3339(now));
        }
        if options.dry_run == DryRun::All {
            return Ok(Written { object: Arc::new(object), warnings });
        }
        state.annotations = annotations;
        self.commit(state, writes);
        let change = state.store.put(resource, Key::new(namespace, &name), object);
        self.publish(Arc::clone(&change));
        Ok(Written { object: Arc::clone(&change.object), warnings })
    }

    /// Replaces an object or a part of it. A `resourceVersion` in it must be the stored one.
    pub(crate) fn update(
        &self,
        caller: &Caller,
        target: Target<'_>,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Written, Status> {
        let mut object = Some(object);
        self.change(caller, "update", target, options, &mut |current| {
            // Called once.
            if let Some(object) = object.take() {
                *current = object;
            }
            Ok(())
        })
    }

    /// Reads, changes and writes an object, or a part of it, in one step: for controllers.
    pub(crate) fn update_with(
        &self,
        caller: &Caller,
        target: Target<'_>,
        change: impl FnOnce(&mut Value),
    ) -> Result<Object, Status> {
        self.write_with(caller, "update", target, change)
    }

    /// Does the same as a patch: for the controllers that are allowed this, and no update.
    pub(crate) fn patch_with(
        &self,
        caller: &Caller,
        target: Target<'_>,
        change: impl FnOnce(&mut Value),
    ) -> Result<Object, Status> {
        self.write_with(caller, "patch", target, change)
    }

    fn write_with(
        &self,
        caller: &Caller,
        verb: &'static str,
        target: Target<'_>,
        change: impl FnOnce(&mut Value),
    ) -> Result<Object, Status> {
        let mut change = Some(change);
        let written = self.change(caller, verb, target, &WriteOptions::default(), &mut |current| {
            if let Some(change) = change.take() {
                change(current);
            }
            Ok(())
        })?;
        Ok(written.object)
    }

    /// Changes a stored object and records who did.
    pub(crate) fn change(
        &self,
        caller: &Caller,
        verb: &'static str,
        target: Target<'_>,
        options: &WriteOptions,
        change: Change<'_>,
    ) -> Result<Written, Status> {
        let mut state = self.lock();
        let result = self.change_locked(&mut state, caller, target, options, change);
        if !is_dry(options) {
            let object = result.as_ref().ok().map(|written| Arc::clone(&written.object));
            self.record(&mut state, caller, verb, target, result.as_ref().map(|_| (200, object)));
        }
        result
    }

    pub(super) fn change_locked(
        &self,
        state: &mut State,
        caller: &Caller,
        target: Target<'_>,
        options: &WriteOptions,
        change: Change<'_>,
    ) -> Result<Written, Status> {
        let Target { resource, namespace, name, subresource } = target;
        let old =
            state.store.get(resource, namespace, name).cloned().ok_or_else(|| Status::not_found(resource, name))?;
        let mut object = Value::clone(&old);
        change(&mut object)?;
        identify(resource, namespace, &mut object)?;
        keep_what_is_not_the_callers(target, &old, &mut object)?;
        if options.ownership != Ownership::Applied {
            match old["metadata"].get("managedFields") {
                Some(owners) => object["metadata"]["managedFields"] = owners.clone(),
                None => drop(metadata::of(&mut object)?.remove("managedFields")),
            }
        }
        defaults::apply(resource, &mut object, self.version())?;
        let served = self.served();
        let definition = served.definition(resource);
        if let Some(definition) = definition {
            structural::fill(&definition.schema, &mut object);
        }

        let mut request = Request {
            caller: caller.clone(),
            operation: Operation::Update,
            resource,
            subresource: subresource.map(str::to_owned),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            object,
            old: Some(Arc::clone(&old)),
            warnings: Vec::new(),
            annotations: BTreeMap::new(),
        };
        let mut transaction = Transaction::new(&state.store);
        for plugin in self.chain().iter() {
            plugin.mutate(&mut request, &mut transaction).inspect_err(|status| refused(&**plugin, status))?;
        }
        let mut causes = metadata::validate(resource, &request.object);
        causes.extend(validation::validate(resource, &request.object, Some(&old), self.version()));
        if let Some(definition) = definition {
            causes.extend(structural::validate(&definition.schema, &request.object, self.version()));
        }
        if !causes.is_empty() {
            return Err(Status::invalid(resource, name, causes));
        }
        for plugin in self.chain().iter() {
            plugin.validate(&mut request, &mut transaction).inspect_err(|status| refused(&**plugin, status))?;
        }
        let writes = transaction.into_writes();
        let Request { mut object, warnings, annotations, .. } = request;
        // The scheduler's word is not a change of what is wanted.
        let counts = resource.generation.is_counted(self.version()) && subresource != Some("binding");
        if counts && body_differs(&old, &object) {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or_default() + 1;
            object["metadata"]["generation"] = generation.into();
        }
        if let Ownership::Update(manager) = &options.ownership
            && object != *old
        {
            let now = rfc3339(self.shared.clock.now());
            ownership::track(resource, Some(&old), &mut object, manager, subresource, &now);
        }
        if options.dry_run == DryRun::All {
            return Ok(Written { object: Arc::new(object), warnings });
        }
        state.annotations = annotations;
        self.commit(state, writes);
        if object == *old {
            return Ok(Written { object: old, warnings });
        }
        let key = Key::new(namespace, name);
        let change = state.store.put(resource, key.clone(), object);
        self.publish(Arc::clone(&change));
        if may_go(&change.object)
            && let Some(gone) = state.store.remove(resource, key)
        {
            self.publish(gone);
        }
        Ok(Written { object: Arc::clone(&change.object), warnings })
    }

    pub(super) fn commit(&self, state: &mut State, writes: Vec<(&'static Resource, Key, Object)>) {
        for (resource, key, object) in writes {
            if state.store.get(resource, &key.namespace, &key.name).is_some_and(|stored| *stored != object) {
                let change = state.store.put(resource, key, Value::clone(&object));
                self.publish(change);
            }
        }
    }

    /// Lays a configuration over an object, or makes it, by who owns which fields: server-side apply.
    pub(crate) fn apply(
        &self,
        caller: &Caller,
        target: Target<'_>,
        configuration: &Configuration<'_>,
        dry_run: DryRun,
    ) -> Result<Applied, Status> {
        let options = WriteOptions { dry_run, ownership: Ownership::Applied };
        let now = rfc3339(self.shared.clock.now());
        let Target { resource, namespace, name, .. } = target;
        let application = Application {
            config: configuration.object,
            manager: configuration.manager,
            conflicts: configuration.conflicts,
            now: &now,
        };
        let mut state = self.lock();
        let result = if state.store.get(resource, namespace, name).is_some() {
            self.change_locked(&mut state, caller, target, &options, &mut |object| {
                ownership::apply(resource, object, &application)
            })
            .map(Applied::Changed)
        } else {
            let mut object = json!({ "metadata": { "name": name } });
            ownership::apply(resource, &mut object, &application)
                .and_then(|()| self.create_locked(&mut state, caller, resource, namespace, object, &options))
                .map(Applied::Created)
        };
        if dry_run == DryRun::No {
            let object = result.as_ref().ok().map(|applied| Arc::clone(&applied.written().object));
            self.record(&mut state, caller, "patch", target, result.as_ref().map(|_| (200, object)));
        }
        result
    }

    /// Gives a Pod to a node, as the scheduler does.
    pub(crate) fn bind(&self, caller: &Caller, namespace: &str, pod: &str, node: &str) -> Result<Object, Status> {
        let target = Target::new(&crate::resources::PODS, namespace, pod).part("binding");
        let now = rfc3339(self.shared.clock.now());
        let written = self.change(caller, "create", target, &WriteOptions::default(), &mut |object| {
            let assigned = object["spec"]["nodeName"].as_str().unwrap_or_default();
            if !assigned.is_empty() {
                let detail = format!("pod {pod} is already assigned to node {assigned:?}");
                return Err(Status::conflict(&crate::resources::PODS, pod, &detail));
            }
            object["spec"]["nodeName"] = node.into();
            set_condition(
                object,
                json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now}),
            );
            Ok(())
        })?;
        Ok(written.object)
    }
}

fn refused(plugin: &dyn Plugin, status: &Status) {
    tracing::debug!(plugin = plugin.name(), %status, "admission refused a request");
}

/// Puts a condition in place of the one of its type.
pub(crate) fn set_condition(object: &mut Value, condition: Value) {
    let conditions = &mut object["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    if let Some(conditions) = conditions.as_array_mut() {
        match conditions.iter_mut().find(|other| other["type"] == condition["type"]) {
            Some(other) => *other = condition,
            None => conditions.push(condition),
        }
    }
}

/// Checks and fills in `apiVersion`, `kind` and `metadata.namespace`.
fn identify(resource: &Resource, namespace: &str, object: &mut Value) -> Result<(), Status> {
    let map = metadata::of(object)?;
    if resource.is_namespaced() {
        match map.get("namespace").and_then(Value::as_str) {
            None | Some("") => {
                map.insert("namespace".to_owned(), namespace.into());
            }
            Some(given) if given != namespace => {
                return Err(Status::bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request",
                ));
            }
            Some(_) => {}
        }
    } else {
        map.remove("namespace");
    }
    let (api_version, kind) = (resource.api_version(), resource.kind);
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".to_owned(), api_version.into());
        map.insert("kind".to_owned(), kind.into());
    }
    Ok(())
}

/// Undoes what a request may not change: the server's own metadata, and the part that was not addressed.
fn keep_what_is_not_the_callers(target: Target<'_>, old: &Value, object: &mut Value) -> Result<(), Status> {
    let Target { resource, name, subresource, .. } = target;
    let map = metadata::of(object)?;
    let given = map.get("name").and_then(Value::as_str).unwrap_or_default();
    if given.is_empty() {
        map.insert("name".to_owned(), name.into());
    } else if given != name {
        return Err(Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    let version = map.get("resourceVersion").and_then(Value::as_str).unwrap_or_default();
    if !version.is_empty() && version != meta(old, "resourceVersion") {
        return Err(Status::modified(resource, name));
    }
    let uid = map.get("uid").and_then(Value::as_str).unwrap_or_default();
    if !uid.is_empty() && uid != meta(old, "uid") {
        let detail =
            format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", meta(old, "uid"));
        return Err(Status::conflict(resource, name, &detail));
    }
    for field in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
        "selfLink",
    ] {
        match old["metadata"].get(field) {
            Some(value) => map.insert(field.to_owned(), value.clone()),
            None => map.remove(field),
        };
    }
    let kept: &[&str] = match subresource {
        Some("status") => {
            let status = object["status"].take();
            *object = old.clone();
            object["status"] = status;
            return Ok(());
        }
        Some(_) => &[],
        None if resource.has_status() => &["status"],
        None => &[],
    };
    if let Some(map) = object.as_object_mut() {
        for field in kept {
            match old.get(*field) {
                Some(value) => map.insert((*field).to_owned(), value.clone()),
                None => map.remove(*field),
            };
        }
    }
    Ok(())
}

/// Tells whether anything but metadata and status differs.
fn body_differs(old: &Value, new: &Value) -> bool {
    let body = |value: &Value| {
        let mut value = value.clone();
        if let Some(map) = value.as_object_mut() {
            map.retain(|key, _| key != "metadata" && key != "status");
        }
        value
    };
    body(old) != body(new)
}

/// Tells whether an object under deletion has nothing left to wait for.
pub(super) fn may_go(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    metadata["deletionTimestamp"].is_string()
        && is_empty(&metadata["finalizers"])
        && (object["kind"] != "Namespace" || is_empty(&object["spec"]["finalizers"]))
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or_default() == 0
}
