//go:build programs

// Package programs names what is built of other people's modules, so that go.mod and go.sum hold all of it.
package programs

import (
	_ "helm.sh/helm/v3/cmd/helm"
)
