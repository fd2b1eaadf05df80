"""The dashboards: the controllers, the webhooks, the model caches, and one InferenceService."""

from collections.abc import Sequence

from kservectl.manifests.monitoring.grafana import Dashboard, Panel, Variable

_JOB = 'job=~"$job"'
_WINDOW = "[$__rate_interval]"
_JOB_VARIABLE = Variable("job", 'controller_runtime_max_concurrent_reconciles{controller="inferenceservice"}', "job")


def _rate(metric: str, *by: str, where: str = _JOB) -> str:
    return f"sum by ({', '.join(by)}) (rate({metric}{{{where}}}{_WINDOW}))"


def _quantiles(histogram: str, *by: str, where: str = _JOB, legend: str = "") -> dict[str, str]:
    """The quantiles that matter to somebody who waits, by their legend."""
    grouped = ", ".join(("le", *by))
    return {
        f"{legend} p{percent}".strip(): f"histogram_quantile(0.{percent}, sum by ({grouped}) "
        f"(rate({histogram}_bucket{{{where}}}{_WINDOW})))"
        for percent in (50, 99)
    }


CONTROLLERS = Dashboard(
    "kservectl-controllers",
    "kservectl / Controllers",
    (_JOB_VARIABLE,),
    (
        Panel(
            "Leader",
            {"{{instance}}": f"leader_election_master_status{{{_JOB}}}"},
            show="stat",
            description="1 for the replica that holds the Lease.",
        ),
        Panel("Version", {"{{version}}": f"count by (version) (kservectl_build_info{{{_JOB}}})"}, show="stat"),
        Panel(
            "Reconciliations",
            {"{{controller}} {{result}}": _rate("controller_runtime_reconcile_total", "controller", "result")},
            "ops",
        ),
        Panel(
            "Time of a reconciliation",
            _quantiles("controller_runtime_reconcile_time_seconds", "controller", legend="{{controller}}"),
            "s",
        ),
        Panel(
            "Failures",
            {
                "{{controller}} errors": _rate("controller_runtime_reconcile_errors_total", "controller"),
                "{{controller}} for good": _rate("controller_runtime_terminal_reconcile_errors_total", "controller"),
                "{{controller}} panics": _rate("controller_runtime_reconcile_panics_total", "controller"),
                "{{controller}} timeouts": _rate("controller_runtime_reconcile_timeouts_total", "controller"),
            },
            "ops",
            description="Errors for good are the objects' own fault: their status says what it is.",
        ),
        Panel(
            "Keys that fail and are tried again",
            {"{{controller}}": f"sum by (controller) (kservectl_queue_failing_keys{{{_JOB}}})"},
        ),
        Panel("Keys that wait", {"{{controller}}": f"sum by (controller) (workqueue_depth{{{_JOB}}})"}),
        Panel(
            "Time that a key waits",
            _quantiles("workqueue_queue_duration_seconds", "controller", legend="{{controller}}"),
            "s",
        ),
        Panel(
            "Busy workers",
            {
                "{{controller}}": f"sum by (controller) (controller_runtime_active_workers{{{_JOB}}})\n"
                f"  / sum by (controller) (controller_runtime_max_concurrent_reconciles{{{_JOB}}})"
            },
            "percentunit",
        ),
        Panel("Writes", {"{{operation}} {{kind}}": _rate("kservectl_apply_total", "operation", "kind")}, "ops"),
        Panel(
            "Requests to the API server",
            {"{{method}} {{code}}": _rate("rest_client_requests_total", "method", "code")},
            "reqps",
        ),
        Panel(
            "Time of a request to the API server",
            _quantiles("rest_client_request_duration_seconds", "verb", legend="{{verb}}"),
            "s",
        ),
        Panel("Cached objects", {"{{kind}}": f"max by (kind) (kservectl_informer_objects{{{_JOB}}})"}),
        Panel(
            "Seconds since a cache last heard of its kind",
            {"{{kind}}": f"max by (kind) (kservectl_informer_last_event_seconds{{{_JOB}}})"},
            "s",
        ),
        Panel("Lag of the event loop", {"{{instance}}": f"kservectl_event_loop_lag_seconds{{{_JOB}}}"}, "s"),
        Panel("Events sent to the API server", {"{{outcome}}": _rate("kservectl_events_total", "outcome")}, "ops"),
        Panel("Memory", {"{{instance}}": f"process_resident_memory_bytes{{{_JOB}}}"}, "bytes"),
        Panel("CPU", {"{{instance}}": f"rate(process_cpu_seconds_total{{{_JOB}}}{_WINDOW})"}, "cores"),
    ),
)

WEBHOOKS = Dashboard(
    "kservectl-webhooks",
    "kservectl / Webhooks",
    (_JOB_VARIABLE,),
    (
        Panel(
            "Certificate expires in",
            {"{{instance}} {{kind}}": f"kservectl_certificate_expiry_seconds{{{_JOB}}}"},
            "s",
            show="stat",
        ),
        Panel(
            "Reviews under way",
            {"{{webhook}}": f"sum by (webhook) (controller_runtime_webhook_requests_in_flight{{{_JOB}}})"},
        ),
        Panel("Verdicts", {"{{webhook}} {{verdict}}": _rate("kservectl_webhook_reviews_total", "webhook", "verdict")}),
        Panel(
            "Answers by HTTP status",
            {"{{webhook}} {{code}}": _rate("controller_runtime_webhook_requests_total", "webhook", "code")},
            "reqps",
        ),
        Panel(
            "Time of a review",
            _quantiles("controller_runtime_webhook_latency_seconds", "webhook", legend="{{webhook}}"),
            "s",
        ),
        Panel("Lag of the event loop", {"{{instance}}": f"kservectl_event_loop_lag_seconds{{{_JOB}}}"}, "s"),
    ),
)

MODEL_CACHES = Dashboard(
    "kservectl-model-caches",
    "kservectl / Model caches",
    (_JOB_VARIABLE,),
    (
        Panel(
            "Caches by readiness",
            {
                "{{kind}} {{ready}} {{reason}}": "max by (kind, ready, reason) "
                f'(kservectl_objects{{{_JOB}, kind=~"LocalModelCache|LocalModelNamespaceCache"}})'
            },
        ),
        Panel(
            "Copies on nodes",
            {
                "{{namespace}} {{name}} {{state}}": "max by (kind, namespace, name, state) "
                f"(kservectl_model_cache_copies{{{_JOB}}})"
            },
        ),
        Panel(
            "Downloaded",
            {
                "{{namespace}} {{name}}": "max by (kind, namespace, name) "
                f"(kservectl_model_cache_downloaded_bytes{{{_JOB}}})\n"
                f"  / (max by (kind, namespace, name) (kservectl_model_cache_size_bytes{{{_JOB}}}) > 0)"
            },
            "percentunit",
        ),
        Panel(
            "Download rate of all nodes",
            {
                "{{namespace}} {{name}}": "max by (kind, namespace, name) "
                f"(deriv(kservectl_model_cache_downloaded_bytes{{{_JOB}}}{_WINDOW}))"
            },
            "Bps",
        ),
        Panel(
            "Free on the disks of nodes",
            {"{{node}}": "kservectl_node_disk_available_bytes / kservectl_node_disk_size_bytes"},
            "percentunit",
            description="Of the node agents.",
        ),
        Panel("Models on the disks of nodes", {"{{node}}": "kservectl_node_disk_models"}),
        Panel(
            "Failing keys of node agents and caches",
            {"{{controller}}": 'sum by (controller) (kservectl_queue_failing_keys{controller=~"localmodel.*"})'},
        ),
    ),
)

_ONE = 'namespace="$namespace", name="$name"'
_PODS = 'namespace="$namespace", pod=~"$name-.+"'

INFERENCE_SERVICE = Dashboard(
    "kservectl-inferenceservice",
    "kservectl / One InferenceService",
    (
        _JOB_VARIABLE,
        Variable("namespace", 'kservectl_object_condition{kind="InferenceService"}', "namespace"),
        Variable("name", 'kservectl_object_condition{kind="InferenceService", namespace="$namespace"}', "name"),
    ),
    (
        Panel(
            "Ready",
            {
                "{{name}}": "max by (name) "
                f'(kservectl_object_condition{{{_JOB}, kind="InferenceService", {_ONE}, condition="Ready"}})'
            },
            show="stat",
            description="1 ready, 0 not, -1 unknown. `kservectl why inferenceservice/NAME` tells the reason.",
        ),
        Panel(
            "Conditions that are not true, and Ready",
            {
                "{{condition}}": "max by (condition) "
                f'(kservectl_object_condition{{{_JOB}, kind="InferenceService", {_ONE}}})'
            },
        ),
        Panel(
            "All InferenceServices by readiness",
            {"{{ready}} {{reason}}": f'max by (ready, reason) (kservectl_objects{{{_JOB}, kind="InferenceService"}})'},
            description="Whether this one is alone with its trouble.",
        ),
        Panel(
            "Requests through the agent",
            {"{{code}}": _rate("kservectl_agent_requests_total", "code", where=_PODS)},
            "reqps",
            description="Of services with a logger, a batcher or multi-model serving, whose pods have the agent.",
        ),
        Panel("Time of a request", _quantiles("kservectl_agent_request_seconds", where=_PODS), "s"),
        Panel(
            "Requests under way",
            {"{{pod}}": f"sum by (pod) (kservectl_agent_requests_under_way{{{_PODS}}})"},
        ),
        Panel("Instances in a batch", _quantiles("kservectl_agent_batch_instances", where=_PODS)),
        Panel(
            "Logged payloads",
            {"{{outcome}}": _rate("kservectl_agent_log_events_total", "outcome", where=_PODS)},
            "ops",
        ),
    ),
)

DASHBOARDS: Sequence[Dashboard] = (CONTROLLERS, INFERENCE_SERVICE, WEBHOOKS, MODEL_CACHES)
