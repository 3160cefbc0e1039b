package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/regsync/regsync/test/rig"
)

// renderings are what users make of deploy, each by the tool that they use.
var renderings = []struct {
	name string
	tool rig.Tool
	args []string
}{
	{"kustomize", rig.Kustomize, []string{"build", "../deploy/kubernetes"}},
	{"kustomize with components", rig.Kustomize, []string{"build", "testdata/kustomize"}},
	{"helm", rig.Helm, helm()},
	{"helm for MicroK8s", rig.Helm, helm("--set", "runtime=microk8s,init.enabled=true,maxUnavailable=1", "--set", "extraHostPaths[0].path=/srv/images,extraHostPaths[0].readOnly=true")},
	{"helm with everything", rig.Helm, helm("-f", "testdata/helm/values.yaml")},
}

// helm are arguments for a release of the chart, for the Kubernetes that the suite runs.
func helm(args ...string) []string {
	return append([]string{"template", "regsync", "../deploy/helm/regsync", "--namespace", "regsync", "--kube-version", "1.32"}, args...)
}

// render gives what a tool makes, and fails the test where the tool fails.
func render(t *testing.T, tool rig.Tool, args []string) []byte {
	t.Helper()
	out, complaint, err := run(t, tool, args)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", tool.Name, args, err, complaint)
	}
	return out
}

func run(t *testing.T, tool rig.Tool, args []string) (out []byte, complaint string, err error) {
	t.Helper()
	program, err := tool.Find()
	if err != nil {
		rig.Missing(t, tool.Name, err.Error())
	}
	var said strings.Builder
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stderr = &said
	out, err = cmd.Output()
	return out, said.String(), err
}

// TestManifests has the API server look at all that it is to be given, as strictly as it can: no field is unknown, no value out of place.
func TestManifests(t *testing.T) {
	if _, err := rig.FindKube(); err != nil {
		rig.Missing(t, "kube", err.Error())
	}
	if !rig.Isolated(t) {
		return
	}
	k, err := rig.StartKube(t.Context(), t.TempDir(), kubeAddress)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Stop)
	if err := k.Apply(t.Context(), "kubectl", []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: regsync}")); err != nil {
		t.Fatal(err)
	}
	for _, r := range renderings {
		t.Run(r.name, func(t *testing.T) {
			if err := k.DryRun(t.Context(), render(t, r.tool, r.args)); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("what it would refuse", func(t *testing.T) {
		wrong := bytes.ReplaceAll(render(t, rig.Kustomize, renderings[0].args), []byte("readOnlyRootFilesystem"), []byte("readOnlyRootFileSystem"))
		if err := k.DryRun(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), `unknown field "spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem"`) {
			t.Errorf("error %v", err)
		}
	})
}

// objects gives what stands in documents, by kind and name.
func objects(t *testing.T, documents []byte) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for document := range strings.SplitSeq(string(documents), "\n---") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatal(err)
		}
		if o == nil {
			continue
		}
		kind, _ := o["kind"].(string)
		name, _ := o["metadata"].(map[string]any)["name"].(string)
		if kind == "ConfigMap" {
			name = "regsync" // a digest follows
		}
		all[kind+" "+name] = o
	}
	return all
}

// inside gives what stands somewhere in an object.
func inside(o any, path ...string) any {
	for _, p := range path {
		m, _ := o.(map[string]any)
		o = m[p]
	}
	return o
}

// TestSame holds the chart, as it is almost without values, and the kustomization to the same pod, the same rights and the same policy.
func TestSame(t *testing.T) {
	kustomize := objects(t, render(t, rig.Kustomize, []string{"build", "testdata/kustomize-own-node"}))
	chart := objects(t, render(t, rig.Helm, helm("--set", "spec.pullSecrets[0].name=harbor"))) // whose name stands in the role
	sources := inside(kustomize["DaemonSet regsync"], "spec", "template", "spec", "volumes").([]any)[0]
	other := inside(chart["DaemonSet regsync"], "spec", "template", "spec", "volumes").([]any)[0]
	for _, volume := range []any{sources, other} {
		config := inside(volume, "projected", "sources").([]any)[0].(map[string]any)["configMap"].(map[string]any)
		config["name"], _, _ = strings.Cut(config["name"].(string), "-")
	}
	for _, container := range inside(chart["DaemonSet regsync"], "spec", "template", "spec", "containers").([]any) {
		delete(container.(map[string]any), "imagePullPolicy") // is what Kubernetes makes of a tag
	}
	for _, part := range [][]string{
		{"DaemonSet regsync", "spec", "template", "spec"},
		{"DaemonSet regsync", "spec", "updateStrategy"},
		{"DaemonSet regsync", "spec", "minReadySeconds"},
		{"ClusterRole regsync", "rules"},
		{"ClusterRole regsync-registry", "rules"},
		{"Role regsync", "rules"},
		{"Role regsync", "metadata", "namespace"},
		{"ClusterRoleBinding regsync", "subjects"},
		{"ClusterRoleBinding regsync-registry", "subjects"},
		{"RoleBinding regsync", "subjects"},
		{"ClusterRoleBinding regsync-registry", "roleRef"},
		{"RoleBinding regsync", "roleRef"},
		{"ValidatingAdmissionPolicy regsync-own-node", "spec"},
		{"ValidatingAdmissionPolicyBinding regsync-own-node", "spec"},
	} {
		one, two := inside(kustomize[part[0]], part[1:]...), inside(chart[part[0]], part[1:]...)
		if diff := cmp.Diff(one, two); one == nil || diff != "" {
			t.Errorf("%s differs (-kustomize +helm):\n%s", strings.Join(part, " "), diff)
		}
	}
}

// TestValues shows what the chart's schema refuses.
func TestValues(t *testing.T) {
	for value, want := range map[string]string{
		"runtime=docker":                  "runtime",
		"runtme=auto":                     "runtme",
		"listen=unix:///run/x":            "listen",
		"maxUnavailable=0":                "maxUnavailable",
		"maxUnavailable=0%":               "maxUnavailable",
		"minReadySeconds=10s":             "minReadySeconds",
		"spec.apiVersion=regsync/v2":      "apiVersion",
		"files.regsync\\.yaml=x":          "regsync.yaml",
		"extraHostPaths[0].path=relative": "extraHostPaths",
		"image.registry=x":                "registry",
	} {
		out, said, err := run(t, rig.Helm, helm("--set", value))
		if err == nil || !strings.Contains(said, "don't meet the specifications of the schema") || !strings.Contains(said, want) {
			t.Errorf("%s: error %v, %s%s", value, err, out, said)
		}
	}
}

// TestChartFiles has regsync read the files that the chart makes of its values.
func TestChartFiles(t *testing.T) {
	program, dir := regsync(t), t.TempDir()
	data := inside(objects(t, render(t, rig.Helm, helm("-f", "testdata/helm/values.yaml")))["ConfigMap regsync"], "data").(map[string]any)
	for name, text := range data {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text.(string)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), program, "validate", "-f", dir).CombinedOutput(); err != nil || len(data) != 3 {
		t.Errorf("%d files, error %v: %s", len(data), err, out)
	}
}
