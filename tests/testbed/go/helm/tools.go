//go:build tools

// Package tools keeps helm, which installs the chart in the tests, in go.mod.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
