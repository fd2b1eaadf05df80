"""The argument of the router, byte for byte as KServe spells it."""

import pytest

from kservectl.controllers.inferencegraph.graph_json import graph_json
from kservectl.objects.quantity import InvalidQuantity


def test_a_small_graph() -> None:
    spec = {"nodes": {"root": {"steps": [{"serviceUrl": "http://someservice.example.com"}], "routerType": "Sequence"}}}
    assert graph_json(spec) == (
        '{"nodes":{"root":{"routerType":"Sequence","steps":[{"serviceUrl":"http://someservice.example.com"}]}},"resources":{}}'
    )


def test_steps_have_their_fields_in_order_and_no_empty_ones() -> None:
    step = {
        "retries": 0,
        "timeout": 5,
        "dependency": "Hard",
        "condition": "n<5 && m>1",
        "weight": 0,
        "mapPredictionsToInstances": True,
        "data": "$response",
        "serviceUrl": "http://s",
        "serviceName": "s",
        "nodeName": "",
        "name": "one",
    }
    text = graph_json(
        {"nodes": {"root": {"routerType": "Switch", "steps": [step, {"mapPredictionsToInstances": False}]}}}
    )
    assert text == (
        '{"nodes":{"root":{"routerType":"Switch","steps":[{"name":"one","serviceName":"s","serviceUrl":"http://s",'
        '"data":"$response","mapPredictionsToInstances":true,"weight":0,"condition":"n\\u003c5 \\u0026\\u0026 m\\u003e1",'
        '"dependency":"Hard","timeout":5,"retries":0},{}]}},"resources":{}}'
    )


def test_nodes_are_sorted_and_a_node_without_steps_has_none() -> None:
    text = graph_json({"nodes": {"b": {"routerType": "Ensemble", "steps": []}, "a": {"routerType": "Switch"}}})
    assert text == '{"nodes":{"a":{"routerType":"Switch"},"b":{"routerType":"Ensemble"}},"resources":{}}'


def test_everything_about_the_pods_comes_after_the_nodes() -> None:
    spec = {
        "serviceAccountName": "router",
        "nodeName": "n1",
        "nodeSelector": {"z": "1", "a": "2"},
        "tolerations": [{"tolerationSeconds": 0, "operator": "Exists", "key": "gpu"}],
        "scaleMetric": "cpu",
        "scaleTarget": 0,
        "maxReplicas": 0,
        "minReplicas": 0,
        "routerTimeouts": {"serviceClient": 3, "serverRead": 0},
        "timeout": 60,
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "podAffinityTerm": {
                            "topologyKey": "zone",
                            "labelSelector": {"matchLabels": {"b": "1", "a": "2"}},
                        },
                        "weight": 5,
                    }
                ]
            },
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"preference": {}, "weight": 1}],
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"operator": "In", "values": ["x"], "key": "k"}]}]
                },
            },
        },
        "resources": {"requests": {"memory": "1024Mi", "cpu": "1000m"}, "limits": {}},
        "nodes": {"root": {"routerType": "Ensemble"}},
    }
    assert graph_json(spec) == (
        '{"nodes":{"root":{"routerType":"Ensemble"}},"resources":{"requests":{"cpu":"1","memory":"1Gi"}},'
        '"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":'
        '[{"matchExpressions":[{"key":"k","operator":"In","values":["x"]}]}]},'
        '"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{}}]},'
        '"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":5,"podAffinityTerm":'
        '{"labelSelector":{"matchLabels":{"a":"2","b":"1"}},"topologyKey":"zone"}}]}},"timeout":60,'
        '"routerTimeouts":{"serverRead":0,"serviceClient":3},"minReplicas":0,"scaleTarget":0,"scaleMetric":"cpu",'
        '"tolerations":[{"key":"gpu","operator":"Exists","tolerationSeconds":0}],"nodeSelector":{"a":"2","z":"1"},'
        '"nodeName":"n1","serviceAccountName":"router"}'
    )


def test_an_empty_struct_stays_and_an_empty_map_goes() -> None:
    text = graph_json({"nodes": {}, "affinity": {}, "routerTimeouts": {}, "nodeSelector": {}, "tolerations": []})
    assert text == '{"resources":{},"affinity":{},"routerTimeouts":{}}'


def test_amounts_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidQuantity):
        graph_json({"nodes": {}, "resources": {"limits": {"cpu": "much"}}})
