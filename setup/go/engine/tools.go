//go:build tools

// Package engine pins, through go.mod and go.sum, the sources from which the
// set-up builds the Pulumi engine where Pulumi's own download is out of reach.
// The import below is what keeps the requirement in go.mod; it is never compiled.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
