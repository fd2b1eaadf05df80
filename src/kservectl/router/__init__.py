"""The data plane of an InferenceGraph: takes a request, sends it through the steps of the graph, gives back the answer."""
