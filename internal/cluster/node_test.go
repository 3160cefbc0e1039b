package cluster

import (
	"net/http"
	"strings"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

// A node's labels are read and its annotations written, as far as one may, and what others have there stays.
func TestNode(t *testing.T) {
	k := server(t)
	if k == nil {
		return
	}
	ctx := t.Context()
	if _, err := k.Do(ctx, http.MethodPost, "/api/v1/nodes", map[string]any{"metadata": map[string]any{
		"name": "edge-7", "labels": map[string]string{"site": "x"}, "annotations": map[string]string{"theirs": "stays", "regsync.dev/last-error": "old"},
	}}); err != nil {
		t.Fatal(err)
	}
	admin := client(t, k, "admin")
	if labels, err := admin.NodeLabels(ctx, "edge-7"); err != nil || labels["site"] != "x" {
		t.Errorf("labels %v, error %v", labels, err)
	}
	if err := admin.Annotate(ctx, "edge-7", map[string]string{"regsync.dev/generation": "3", "regsync.dev/last-error": ""}); err != nil {
		t.Fatal(err)
	}
	text, err := k.Get(ctx, "node", "edge-7")
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{"/metadata/annotations/regsync.dev~1generation": "3", "/metadata/annotations/theirs": "stays"} {
		if got, err := rig.Field(text, pointer); err != nil || got != want {
			t.Errorf("%s is %q, error %v; want %q", pointer, got, err, want)
		}
	}
	if strings.Contains(string(text), "last-error") {
		t.Errorf("an empty annotation stays: %s", text)
	}

	// Whom nobody has given anything.
	nobody := client(t, k, "system:serviceaccount:default:default")
	for what, err := range map[string]error{
		"may not get nodes": second(nobody.NodeLabels(ctx, "edge-7")), "may not patch nodes": nobody.Annotate(ctx, "edge-7", map[string]string{"a": "b"}),
		`has no such node: "edge-8"`: second(admin.NodeLabels(ctx, "edge-8")), `no such node: "edge-9"`: admin.Annotate(ctx, "edge-9", map[string]string{"a": "b"}),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v, want %q", err, what)
		}
	}
}

func second[T any](_ T, err error) error { return err }
