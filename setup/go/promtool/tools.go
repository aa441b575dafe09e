//go:build tools

// Package promtool pins the sources of Prometheus' rule checker.
package promtool

import _ "github.com/prometheus/prometheus/cmd/promtool"
