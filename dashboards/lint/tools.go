//go:build tools

// Package lint pins the program that checks the boards: see run.
package lint

import _ "github.com/grafana/dashboard-linter"
