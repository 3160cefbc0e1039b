package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestValidateNeedsNoLabels validates a file with an overlay that asks for what only a cluster knows.
func TestValidateNeedsNoLabels(t *testing.T) {
	const file = "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nmirrors:\nregistries:\noverlays:\n" +
		"- match: {nodeLabels: {site: a}}\n  merge: {mirrors: [{registry: docker.io, endpoints: [https://m]}]}\n"
	validate := func(file string) (int, string) {
		var out, problems bytes.Buffer
		code := run(t.Context(), []string{"validate", "-f", "-"}, streams{in: strings.NewReader(file), out: &out, err: &problems}, func(string) string { return "" })
		return code, out.String() + problems.String()
	}
	if code, said := validate(file); code != 0 || said != "Valid.\n" {
		t.Errorf("exit %d\n%s", code, said)
	}
	if code, said := validate(strings.Replace(file, "endpoints", "endpoint", 1)); code != 1 {
		t.Errorf("an overlay that does not hold is not looked at: exit %d\n%s", code, said)
	}
}
