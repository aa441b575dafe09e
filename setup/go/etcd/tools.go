//go:build tools

// Package etcd pins, through go.mod and go.sum, the sources from which the set-up builds etcd and its
// tools where they are not on PATH. The imports below are what keeps the requirements in go.mod; they
// are never compiled.
package etcd

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/etcdutl/v3"
	_ "go.etcd.io/etcd/server/v3"
)
