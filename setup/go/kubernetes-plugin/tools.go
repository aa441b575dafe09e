//go:build tools

// Package plugin pins, through go.mod and go.sum, the sources from which the
// set-up builds the Kubernetes plugin of Pulumi where Pulumi's own download is
// out of reach. The import below is what keeps the requirement in go.mod; it
// is never compiled.
package plugin

import _ "github.com/pulumi/pulumi-kubernetes/provider/v2/cmd/pulumi-resource-kubernetes"
