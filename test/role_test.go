package test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/regsync/regsync/internal/beacon"
	"github.com/regsync/regsync/test/rig"
)

// TestRole shows that a user with exactly what deploy/kubernetes/rbac.yaml gives can do the whole job, and that each verb of it is needed:
// without one of them, regsync names the verb, the resource and where it is missing.
func TestRole(t *testing.T) {
	program := regsync(t)
	if _, err := rig.FindKube(); err != nil {
		rig.Missing(t, "kube", err.Error())
	}
	if !rig.Isolated(t) {
		return
	}
	w := newRoleWorld(t, program)
	for _, s := range w.steps() {
		if said, code := w.run(s.args...); code != s.code || strings.Contains(said, "may not") {
			t.Fatalf("regsync %q with the whole role: exit code %d, want %d\n%s", s.args, code, s.code, said)
		}
	}
	if _, err := w.kube.Get(t.Context(), "lease", "kube-system/regsync-regsync"); err == nil {
		t.Error("the lease stays after a reset")
	}
	w.eachVerb(func(verb, resource, namespace string) {
		t.Run(verb+" "+resource, func(t *testing.T) {
			w.clean(t)
			var all strings.Builder
			for _, s := range w.steps() {
				said, _ := w.run(s.args...)
				all.WriteString(said)
			}
			want := fmt.Sprintf("%q may not %s %s", roleUser, verb, resource)
			_, stays := w.kube.Get(t.Context(), "lease", "kube-system/regsync-regsync")
			switch verb + " " + resource {
			case "get namespaces": // then one that is named is taken to be there
				want = ""
			case "delete leases": // then it runs out
				if want = ""; stays != nil {
					t.Error("the lease is gone")
				}
			}
			if got := all.String(); want == "" && strings.Contains(got, "may not") || !strings.Contains(got, want) || want != "" && !strings.Contains(got, namespace) {
				t.Errorf("want %q, %q; it says\n%s", want, namespace, got)
			}
		})
	})
}

const roleUser = "system:serviceaccount:kube-system:regsync"

// roleWorld is a control plane with the role, a node that has a kubeconfig of its user, and a built-in registry that is not ready.
type roleWorld struct {
	t       *testing.T
	regsync string // the program
	dir     string
	kube    *rig.Kube
	role    []map[string]any // the objects of rbac.yaml
}

func newRoleWorld(t *testing.T, program string) *roleWorld {
	t.Helper()
	w := &roleWorld{t: t, regsync: program, dir: t.TempDir()}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	w.kube, err = rig.StartKube(t.Context(), t.TempDir(), kubeAddress)
	check(err)
	t.Cleanup(w.kube.Stop)
	text, err := os.ReadFile("../deploy/kubernetes/rbac.yaml")
	check(err)
	text = bytes.ReplaceAll(text, []byte("resourceNames: [harbor]"), []byte("resourceNames: [named, globbed]")) // as it says itself
	check(w.kube.Apply(t.Context(), "kubectl", text))
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var object map[string]any
		check(yaml.Unmarshal([]byte(document), &object))
		w.role = append(w.role, object)
	}
	config, err := w.kube.Kubeconfig(t.Context(), roleUser)
	check(err)
	check(rig.LayMicroK8s("/", "stock"))
	for name, text := range map[string]string{"role.conf": string(config), "one": roleSpec("one"), "two": roleSpec("two"), "registry": roleRegistry, "labels": roleLabels} {
		check(os.WriteFile(filepath.Join(w.dir, name), []byte(strings.ReplaceAll(text, "DIR", w.dir)), 0o600))
	}
	admin, err := w.kube.Kubeconfig(t.Context(), "admin")
	check(err)
	check(os.MkdirAll(rig.SnapData+"/credentials", 0o755))
	check(os.WriteFile(rig.SnapData+"/credentials/client.config", admin, 0o600))
	if code := rig.MicroK8sCommand([]string{"enable", "registry"}, os.Stdout); code != 0 {
		t.Fatalf("enabling the registry: exit code %d", code)
	}
	_, err = w.kube.Do(t.Context(), http.MethodDelete, "/api/v1/namespaces/container-registry/services/registry", nil)
	check(err)
	check(w.kube.Apply(t.Context(), "kubectl", []byte("apiVersion: v1\nkind: Node\nmetadata: {name: node, labels: {site: a}}")))
	check(w.kube.Apply(t.Context(), "kubectl", []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}")))
	check(w.kube.Await(t.Context(), "serviceaccount", "team-a/default", "", ""))
	return w
}

// roleSpec asks for pull secrets by a name and by a glob.
func roleSpec(password string) string {
	return `apiVersion: regsync/v1alpha1
kind: NodeRegistries
node: {docker: {manage: never}}
cluster: {kubeconfig: DIR/role.conf}
credentials: [{name: harbor, registries: [harbor.corp], username: robot, password: {command: [echo, ` + password + `]}}]
pullSecrets:
  - {name: named, credentials: [harbor], namespaces: [default], serviceAccounts: [default]}
  - {name: globbed, credentials: [harbor], namespaces: ["team-*"]}
`
}

const roleRegistry = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
node: {docker: {manage: never}}
cluster: {kubeconfig: DIR/role.conf}
addons: {registry: {enabled: true}}
`

const roleLabels = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
node: {docker: {manage: never}}
overlays: [{match: {nodeLabels: {site: a}}, merge: {policy: {history: 3}}}]
`

type roleStep struct {
	code int
	args []string
}

// steps are the whole job: make, rotate, watch and say how the node is, give back, look at the add-on, and at the labels of the node.
func (w *roleWorld) steps() []roleStep {
	return []roleStep{
		{0, []string{"apply", "--yes", "-f", filepath.Join(w.dir, "one")}},
		{0, []string{"apply", "--yes", "-f", filepath.Join(w.dir, "two")}},
		{0, []string{"watch", "--annotate", "-f", filepath.Join(w.dir, "two")}},
		{0, []string{"reset", "--yes"}},
		{0, []string{"plan", "-f", filepath.Join(w.dir, "registry")}},
		{0, []string{"plan", "-f", filepath.Join(w.dir, "labels")}},
	}
}

func (w *roleWorld) run(args ...string) (said string, code int) {
	if args[0] == "watch" {
		return w.watch(args...)
	}
	cmd := exec.CommandContext(w.t.Context(), w.regsync, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(w.dir, "role.conf"))
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// watch runs until it is known of everything that is followed in the cluster whether it can be, and whether the node can be annotated.
func (w *roleWorld) watch(args ...string) (said string, code int) {
	none := map[string]any{"metadata": map[string]any{"annotations": nil}}
	if _, err := w.kube.Do(w.t.Context(), http.MethodPatch, "/api/v1/nodes/node", none); err != nil {
		w.t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(w.dir, "watch.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.CommandContext(w.t.Context(), w.regsync, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(w.dir, "role.conf"))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	var status beacon.Status
	for w.t.Context().Err() == nil && (len(status.Streams) < 3 || !w.annotated(out.Name())) {
		status, _ = beacon.Read("/run/regsync") // before it is there
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	text, err := os.ReadFile(out.Name())
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), `\"`, `"`), 0 // its log is JSON
}

// annotated reports whether the node has been annotated, or the log says that it cannot be.
func (w *roleWorld) annotated(log string) bool {
	node, _ := w.kube.Get(w.t.Context(), "node", "node") // it is there
	_, err := rig.Field(node, "/metadata/annotations/regsync.dev~1converged")
	text, _ := os.ReadFile(log) // it is there too
	return err == nil || strings.Contains(string(text), "the annotations of the node are not written")
}

// clean takes away what a job that stopped half-way has left.
func (w *roleWorld) clean(t *testing.T) {
	t.Helper()
	for _, path := range []string{
		"/api/v1/namespaces/default/secrets", "/api/v1/namespaces/team-a/secrets", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
	} {
		if _, err := w.kube.Do(t.Context(), http.MethodDelete, path, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll("/var/lib/regsync"); err != nil {
		t.Fatal(err)
	}
}

// eachVerb takes one verb of one resource after the other out of the role, while it calls without. namespace is what a message must say of
// the place; empty where a rule is for the whole cluster.
func (w *roleWorld) eachVerb(without func(verb, resource, namespace string)) {
	for _, object := range w.role {
		rules, _ := object["rules"].([]any)
		for i := range rules {
			rule := rules[i].(map[string]any)
			for _, resource := range rule["resources"].([]any) {
				for _, verb := range rule["verbs"].([]any) {
					less := rest(rule, resource, verb)
					w.put(object, slices.Concat(rules[:i:i], less, rules[i+1:]))
					namespace := ""
					if object["kind"] == "Role" {
						namespace = fmt.Sprintf("in namespace %q", object["metadata"].(map[string]any)["namespace"])
					}
					w.allowed(rule, resource, verb, false)
					without(verb.(string), resource.(string), namespace)
					w.put(object, rules)
					w.allowed(rule, resource, verb, true)
				}
			}
		}
	}
}

// rest gives a rule without one verb for one of its resources, as rules.
func rest(rule map[string]any, resource, verb any) []any {
	var rules []any
	add := func(resources, verbs []any) {
		if len(resources) > 0 && len(verbs) > 0 {
			less := maps.Clone(rule)
			less["resources"], less["verbs"] = resources, verbs
			rules = append(rules, less)
		}
	}
	not := func(list any, x any) []any {
		return slices.DeleteFunc(slices.Clone(list.([]any)), func(y any) bool { return y == x })
	}
	add([]any{resource}, not(rule["verbs"], verb))
	add(not(rule["resources"], resource), rule["verbs"].([]any))
	return rules
}

// allowed waits until the API server's authorizer has heard of a change of the role.
func (w *roleWorld) allowed(rule map[string]any, resource, verb any, want bool) {
	asked := map[string]any{"namespace": "kube-system", "verb": verb, "group": rule["apiGroups"].([]any)[0], "resource": resource}
	if names, ok := rule["resourceNames"].([]any); ok {
		asked["name"] = names[0]
	}
	review := map[string]any{"spec": map[string]any{"user": roleUser, "resourceAttributes": asked}}
	for {
		answer, err := w.kube.Do(w.t.Context(), http.MethodPost, "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
		if err != nil {
			w.t.Fatal(err)
		}
		if got, err := rig.Field(answer, "/status/allowed"); err == nil && got == strconv.FormatBool(want) {
			return
		}
	}
}

// put gives a role these rules.
func (w *roleWorld) put(object map[string]any, rules []any) {
	ctx := context.Background()
	changed := map[string]any{"rules": rules}
	name := object["metadata"].(map[string]any)["name"].(string)
	if ns, ok := object["metadata"].(map[string]any)["namespace"].(string); ok {
		name = ns + "/" + name
	}
	path, err := w.kube.Path(ctx, object["kind"].(string), name)
	if err == nil {
		_, err = w.kube.Do(ctx, http.MethodPatch, path, changed)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
