"""Services as KServe's manager leaves them in Standard mode, written down by hand: the service and all that was made for it.

Everything says what that manager says, in its words: labels, annotations, conditions, what Go writes of empty structs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kservectl.api.kinds import GATEWAY, HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, SERVICE, Kind
from kservectl.objects.metadata import Object

DOMAIN = "example.com"
_RESOURCES = {"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}}
_MODE = {"serving.kserve.io/deploymentMode": "Standard"}
_SERVICE_LABEL = "serving.kserve.io/inferenceservice"


@dataclass(frozen=True)
class LeftService:
    """One service with a container of its own for each component; the last component is the one that is reached.

    `stale` is what KServe's manager set once and does not want any more, as labels of the predictor's Service and annotations
    of its Deployment.
    """

    name: str
    namespace: str
    components: Sequence[str] = ("predictor",)
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    container: Mapping[str, Any] = field(default_factory=dict)
    side_car: bool = False
    replicas: int = 1
    most: int = 1
    stale: Mapping[str, str] = field(default_factory=dict)
    by_ingress: bool = False

    def objects(self) -> list[Object]:
        """The service first."""
        routes = [self._ingress()] if self.by_ingress else [self._route(), *map(self._route, self.components)]
        made = [
            each for name in self.components for each in (self._deployment(name), self._service(name), self._hpa(name))
        ]
        return [self._owner(), *made, *routes]

    def removed_transformer(self) -> list[Object]:
        """What stays behind, as a defect of KServe's, when the transformer of a service is taken out of it."""
        return [self._service("transformer"), self._route("transformer")]

    # --- the service itself ---

    def _owner(self) -> Object:
        spec: Object = {}
        for component in self.components:
            containers = [{"name": "kserve-container", "image": self._image(component), "resources": _RESOURCES}]
            containers[0] |= self.container
            containers += [self._side_car()] if self.side_car else []
            spec[component] = {"containers": containers, "minReplicas": self.replicas, "maxReplicas": self.most}
        meta = {"annotations": {**_MODE, **self.annotations}, "finalizers": ["inferenceservice.finalizers"]}
        return self._placed(INFERENCE_SERVICE, self.name, meta) | {"spec": spec, "status": self._status()}

    def _status(self) -> Object:
        conditions: list[Object] = [
            {"type": "IngressReady", "status": "True"},
            {"type": "Ready", "status": "True"},
            {"type": "Stopped", "status": "False", "severity": "Info"},
        ]
        for component in self.components:
            told = {"reason": "NewReplicaSetAvailable", "message": "ReplicaSet has successfully progressed."}
            severity = {} if component == "predictor" else {"severity": "Info"}
            conditions.append({"type": f"{component.title()}Ready", "status": "True", **told, **severity})
        return {
            "address": {"url": f"http://{self.name}-{self.components[-1]}.{self.namespace}.svc.cluster.local"},
            "url": f"http://{self._host()}",
            "components": {name: {"url": f"http://{self._host(name)}"} for name in self.components},
            "conditions": sorted(conditions, key=lambda each: str(each["type"])),
            "deploymentMode": "Standard",
            "modelStatus": {
                "copies": {"failedCopies": 0, "totalCopies": self.replicas},
                "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
                "transitionStatus": "UpToDate",
            },
        }

    # --- what was made for it ---

    def _deployment(self, component: str) -> Object:
        stale = self.stale if component == "predictor" else {}
        meta = self._component_meta(component, stale_annotations=stale)
        template_meta = {**self._component_meta(component), "name": self._name(component), "namespace": self.namespace}
        spec = {
            "replicas": self.replicas,
            "selector": {"matchLabels": {"app": f"isvc.{self._name(component)}"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": template_meta, "spec": self._pod(component)},
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
        }
        return self._owned(DEPLOYMENT, self._name(component), meta) | {"spec": spec}

    def _pod(self, component: str) -> Object:
        container: Object = {
            "name": "kserve-container",
            "image": self._image(component),
            "imagePullPolicy": "IfNotPresent",
            "env": [{"name": "INFERENCE_SERVICE_NAME", "value": self.name}],
            "readinessProbe": {
                "tcpSocket": {"port": 8080},
                "timeoutSeconds": 1,
                "periodSeconds": 10,
                "successThreshold": 1,
                "failureThreshold": 3,
            },
            "resources": _RESOURCES,
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            **self.container,
        }
        if component == "transformer":
            args = ["--model_name", self.name, "--predictor_host", f"{self.name}-predictor.{self.namespace}"]
            container["args"] = [*args, "--http_port", "8080"]
        side_car = self._side_car()
        if component == "predictor":  # of which every container is told; of a transformer the first one is
            side_car["env"] = container["env"]
        return {
            "containers": [container, *([side_car] if self.side_car else [])],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        }

    def _service(self, component: str) -> Object:
        meta = self._component_meta(component, stale_labels=self.stale if component == "predictor" else {})
        port = {"port": 80, "targetPort": 8080, "protocol": "TCP", "name": self._name(component)}
        spec = {"type": "ClusterIP", "sessionAffinity": "None", "selector": {"app": f"isvc.{self._name(component)}"}}
        return self._owned(SERVICE, self._name(component), meta) | {"spec": {**spec, "ports": [port]}}

    def _hpa(self, component: str) -> Object:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": self._name(component)}
        cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
        spec = {
            "scaleTargetRef": target,
            "minReplicas": self.replicas,
            "maxReplicas": self.most,
            "metrics": [{"type": "Resource", "resource": cpu}],
            "behavior": {},
        }
        meta = self._component_meta(component)
        return self._owned(HORIZONTAL_POD_AUTOSCALER, self._name(component), meta) | {"spec": spec}

    def _route(self, component: str = "") -> Object:
        names = [("KServe-Isvc-Name", self.name), ("KServe-Isvc-Namespace", self.namespace)]
        headers = {"set": [{"name": name, "value": value} for name, value in names]}
        backend = self._name(component or self.components[-1])
        rule = {
            "matches": [{"path": {"type": "RegularExpression", "value": "^/.*$"}}],
            "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": headers}],
            "backendRefs": [{"group": "", "kind": "Service", "name": backend, "namespace": self.namespace, "port": 80}],
            "timeouts": {"request": "60s"},
        }
        parent = {"group": GATEWAY.group, "kind": GATEWAY.kind, "namespace": "kserve", "name": "kserve-ingress-gateway"}
        spec = {"hostnames": [self._host(component)], "parentRefs": [parent], "rules": [rule]}
        meta = {"annotations": {**_MODE, **self.annotations}, "labels": dict(self.labels)}
        return self._owned(HTTP_ROUTE, self._name(component) if component else self.name, meta) | {"spec": spec}

    def _ingress(self) -> Object:
        def rule(host: str, component: str) -> Object:
            backend = {"service": {"name": self._name(component), "port": {"number": 80}}}
            return {"host": host, "http": {"paths": [{"backend": backend, "path": "/", "pathType": "Prefix"}]}}

        rules = [rule(self._host(), self.components[-1]), *(rule(self._host(name), name) for name in self.components)]
        meta = {"annotations": {**_MODE, **self.annotations}}
        return self._owned(INGRESS, self.name, meta) | {"spec": {"ingressClassName": "istio", "rules": rules}}

    # --- names and metadata ---

    def _component_meta(
        self,
        component: str,
        *,
        stale_labels: Mapping[str, str] | None = None,
        stale_annotations: Mapping[str, str] | None = None,
    ) -> Object:
        known = {"app": f"isvc.{self._name(component)}", "component": component, _SERVICE_LABEL: self.name}
        return {
            "annotations": {**_MODE, **self.annotations, **(stale_annotations or {})},
            "labels": {**self.labels, **known, **(stale_labels or {})},
        }

    def _owned(self, kind: Kind, name: str, meta: Object) -> Object:
        owner = {"kind": INFERENCE_SERVICE.kind, "name": self.name, "controller": True, "blockOwnerDeletion": True}
        return self._placed(kind, name, {**meta, "ownerReferences": [owner]})

    def _placed(self, kind: Kind, name: str, meta: Object) -> Object:
        labels = {} if kind != INFERENCE_SERVICE or not self.labels else {"labels": dict(self.labels)}
        placed = {"name": name, "namespace": self.namespace, **labels, **meta}
        return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": placed}

    def _host(self, component: str = "") -> str:
        return f"{self._name(component) if component else self.name}-{self.namespace}.{DOMAIN}"

    def _name(self, component: str) -> str:
        return f"{self.name}-{component}"

    def _image(self, component: str) -> str:
        return f"models.example/{component}:1"

    @staticmethod
    def _side_car() -> Object:
        return {
            "name": "side-car",
            "image": "models.example/side-car:1",
            "resources": {},
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }
