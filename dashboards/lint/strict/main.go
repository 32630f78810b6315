// Command strict reads boards as Grafana's own schema describes them (grafana-foundation-sdk, Grafana 11.4): a field that it does
// not know, one of the wrong type and one that is missing are named. dashboard-linter and Grafana's provisioning take all three.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Fields that Prometheus' annotations have, and that the schema knows only for other sources.
var ofPrometheus = []string{"step", "titleFormat", "textFormat", "tagKeys", "useValueForTime"}

func main() {
	plugins.RegisterDefaultPlugins()
	status := 0
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			fmt.Printf("%s: %v\n", path, err)
			status = 1
		}
	}
	os.Exit(status)
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if text, err = withoutFieldsOfPrometheus(text); err != nil {
		return err
	}
	var board dashboard.Dashboard
	return board.UnmarshalJSONStrict(text)
}

func withoutFieldsOfPrometheus(text []byte) ([]byte, error) {
	var board map[string]any
	if err := json.Unmarshal(text, &board); err != nil {
		return nil, err
	}
	annotations, _ := board["annotations"].(map[string]any)
	list, _ := annotations["list"].([]any)
	for _, annotation := range list {
		fields, _ := annotation.(map[string]any)
		for _, name := range ofPrometheus {
			delete(fields, name)
		}
	}
	return json.Marshal(board)
}
