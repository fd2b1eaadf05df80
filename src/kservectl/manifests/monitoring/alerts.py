"""The alerts, each with the page that says what to do about it (docs/runbooks).

A rule fires on what somebody has to act upon, not on every symptom. Metrics whose names other programs use too are told apart by
the job under which Prometheus scrapes the manager: with a ServiceMonitor that is the name of its Service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kservectl.manifests.names import METRICS_SERVICE, NAMESPACE, PART_OF
from kservectl.objects.metadata import Object

RUNBOOKS = "docs/runbooks"

_JOB = f'job="{METRICS_SERVICE}"'


@dataclass(frozen=True, slots=True)
class Alert:
    """`expr` is PromQL that answers one series for each thing that is wrong; `wait` is how long it must do so.

    summary
        One line, in which `{{ $labels.NAME }}` and `{{ $value }}` stand for what was found.
    """

    name: str
    expr: str
    wait: str
    severity: Literal["critical", "warning"]
    summary: str

    @property
    def runbook(self) -> str:
        """The path of its page in this repository."""
        return f"{RUNBOOKS}/{self.name}.md"

    def rule(self) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expr}
        if self.wait != "0m":
            rule["for"] = self.wait
        rule["labels"] = {"severity": self.severity}
        rule["annotations"] = {"summary": self.summary, "runbook": self.runbook}
        return rule


ALERTS: Sequence[Alert] = (
    Alert(
        "KservectlDown",
        f'absent(controller_runtime_max_concurrent_reconciles{{{_JOB}, controller="inferenceservice"}})',
        "5m",
        "critical",
        "No kservectl manager is running, or Prometheus cannot scrape it",
    ),
    Alert(
        "KservectlNoLeader",
        f'max(leader_election_master_status{{{_JOB}, name="kserve-controller-manager-leader-lock"}}) == 0',
        "2m",
        "critical",
        "No replica of kservectl holds the Lease: nothing is reconciled",
    ),
    Alert(
        "KservectlRestarting",
        f"changes(process_start_time_seconds{{{_JOB}}}[30m]) > 2",
        "0m",
        "warning",
        "kservectl at {{ $labels.instance }} started {{ $value }} times in half an hour",
    ),
    Alert(
        "KservectlApiServerErrors",
        f'sum(rate(rest_client_requests_total{{{_JOB}, code=~"5..|<error>"}}[5m]))\n'
        f"  / sum(rate(rest_client_requests_total{{{_JOB}}}[5m])) > 0.1",
        "10m",
        "critical",
        "The API server fails {{ $value | humanizePercentage }} of kservectl's requests",
    ),
    Alert(
        "KservectlReconcilesFailing",
        "sum by (controller) (kservectl_queue_failing_keys) > 0",
        "15m",
        "warning",
        "{{ $value }} objects of controller {{ $labels.controller }} fail each time they are reconciled",
    ),
    Alert(
        "KservectlReconcilePanics",
        f"sum by (controller) (increase(controller_runtime_reconcile_panics_total{{{_JOB}}}[10m])) > 0",
        "0m",
        "critical",
        "Controller {{ $labels.controller }} met an object that it cannot decide about: a bug",
    ),
    Alert(
        "KservectlReconcileTimeouts",
        f"sum by (controller) (increase(controller_runtime_reconcile_timeouts_total{{{_JOB}}}[10m])) > 0",
        "0m",
        "warning",
        "Reconciliations of controller {{ $labels.controller }} are cancelled at their deadline",
    ),
    Alert(
        "KservectlQueueNotDraining",
        f"sum by (controller) (workqueue_depth{{{_JOB}}}) > 20",
        "15m",
        "warning",
        "{{ $value }} keys wait in the queue of controller {{ $labels.controller }}",
    ),
    Alert(
        "KservectlEventLoopBlocked",
        f"max by (instance) (max_over_time(kservectl_event_loop_lag_seconds{{{_JOB}}}[5m])) > 0.5",
        "10m",
        "warning",
        "The event loop of {{ $labels.instance }} is late by {{ $value | humanizeDuration }}",
    ),
    Alert(
        "KservectlWebhookFailing",
        f'sum by (webhook) (rate(controller_runtime_webhook_requests_total{{{_JOB}, code=~"5.."}}[5m]))\n'
        f'  + sum by (webhook) (rate(kservectl_webhook_reviews_total{{{_JOB}, verdict="failed"}}[5m])) > 0',
        "5m",
        "critical",
        "Webhook {{ $labels.webhook }} fails: objects are refused that nothing is wrong with",
    ),
    Alert(
        "KservectlWebhookSlow",
        "histogram_quantile(0.99,\n"
        f"  sum by (webhook, le) (rate(controller_runtime_webhook_latency_seconds_bucket{{{_JOB}}}[5m]))) > 1",
        "10m",
        "warning",
        "Webhook {{ $labels.webhook }} takes {{ $value | humanizeDuration }} for one review in a hundred",
    ),
    Alert(
        "KservectlCertificateExpiring",
        f"min by (kind) (kservectl_certificate_expiry_seconds{{{_JOB}}}) < 7 * 86400",
        "10m",
        "warning",
        "The {{ $labels.kind }} certificate of the webhooks expires in {{ $value | humanizeDuration }}",
    ),
    Alert(
        "KservectlCacheNotSynced",
        "min by (instance, kind) (kservectl_informer_synced) == 0",
        "10m",
        "critical",
        "{{ $labels.instance }} cannot list {{ $labels.kind }}: its controllers do not start",
    ),
    Alert(
        "KservectlCacheStale",
        "max by (instance, kind) (kservectl_informer_last_event_seconds) > 180",
        "5m",
        "warning",
        "{{ $labels.instance }} has heard nothing of {{ $labels.kind }} for {{ $value | humanizeDuration }}",
    ),
    Alert(
        "KservectlServicesNotReady",
        f'sum(kservectl_objects{{{_JOB}, kind="InferenceService", ready!="True", reason!="Stopped"}})\n'
        f'  / sum(kservectl_objects{{{_JOB}, kind="InferenceService"}}) > 0.2',
        "15m",
        "warning",
        "{{ $value | humanizePercentage }} of the InferenceServices are not ready",
    ),
    Alert(
        "KservectlModelCopiesFailing",
        f'max by (kind, namespace, name) (kservectl_model_cache_copies{{{_JOB}, state="failed"}}) > 0',
        "15m",
        "warning",
        "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.name }}: {{ $value }} nodes cannot get their copy",
    ),
    Alert(
        "KservectlNodeDiskFull",
        "kservectl_node_disk_available_bytes / kservectl_node_disk_size_bytes < 0.05\n"
        "  or kservectl_node_disk_usable == 0",
        "15m",
        "warning",
        "Node {{ $labels.node }} has no room for models, or its disk cannot be used",
    ),
)


def groups() -> dict[str, Any]:
    """The rules as the content of a rule file, which is the spec of a PrometheusRule too."""
    return {"groups": [{"name": "kservectl", "rules": [alert.rule() for alert in ALERTS]}]}


def prometheus_rule() -> Object:
    """The rules for Prometheus' operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "kservectl", "namespace": NAMESPACE, "labels": dict(PART_OF)},
        "spec": groups(),
    }
