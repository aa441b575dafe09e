//go:build tools

// Package kubernetes pins, through go.mod and go.sum, the sources from which the
// set-up builds the parts of Kubernetes that tests run against. Upstream's own
// replacements of its staging modules and its godebug settings count only in
// a main module, so go.mod repeats them. The imports are never compiled.
package kubernetes

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
