"""Services in Knative mode: a Knative Service for each component, and Istio in front of them."""
