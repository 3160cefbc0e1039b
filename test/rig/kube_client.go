package rig

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// StatusError is the API server's refusal of a request.
type StatusError struct {
	Code    int
	Reason  string // Kubernetes' word for it: NotFound, Forbidden
	Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d %s: %s", e.Code, e.Reason, e.Message) }

// KubeClient asks an API server.
type KubeClient struct {
	Address string // host:port
	token   string
	client  *http.Client
}

// newKubeClient makes a client that trusts an authority (its certificate as PEM) and shows a token.
func newKubeClient(address string, authority []byte, token string) *KubeClient {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	return &KubeClient{address, token, &http.Client{Transport: transport}}
}

// KubeClientOf makes a client as a kubeconfig of the rig's says, one with a token: see [Kube.Kubeconfig].
func KubeClientOf(file string) (*KubeClient, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server    string
				Authority []byte `json:"certificate-authority-data"`
			}
		}
		Users []struct{ User struct{ Token string } }
	}
	if err := yaml.Unmarshal(data, &config); err != nil || len(config.Clusters) != 1 || len(config.Users) != 1 {
		return nil, fmt.Errorf("reading %q: not a kubeconfig of the rig's: %w", file, err)
	}
	cluster := config.Clusters[0].Cluster
	return newKubeClient(strings.TrimPrefix(cluster.Server, "https://"), cluster.Authority, config.Users[0].User.Token), nil
}

// Do gives the API server's answer; refusals are *StatusError. A body that is a []byte goes as a server-side apply of YAML, any other as
// JSON, to PATCH as a merge patch.
func (k *KubeClient) Do(ctx context.Context, method, path string, body any) ([]byte, error) {
	kind, data := "application/json", []byte(nil)
	switch b := body.(type) {
	case nil:
	case []byte:
		kind, data = "application/apply-patch+yaml", b
	default:
		if method == http.MethodPatch {
			kind = "application/merge-patch+json"
		}
		var err error
		if data, err = json.Marshal(b); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+k.Address+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+k.token)
	request.Header.Set("Content-Type", kind)
	if path == "/api" || path == "/apis" {
		request.Header.Set("Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
	}
	response, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode < 300 {
		return answer, err
	}
	refusal := &StatusError{Code: response.StatusCode, Message: string(answer)}
	var status struct{ Reason, Message string }
	if json.Unmarshal(answer, &status) == nil && status.Message != "" {
		refusal.Reason, refusal.Message = status.Reason, status.Message
	}
	return nil, refusal
}

// resource is a kind of object, as the API server names it.
type resource struct {
	path       string // /api/v1 or /apis/GROUP/VERSION
	plural     string
	namespaced bool
}

// resource finds a kind of object by any of its names: secrets, secret, Secret, sa.
func (k *KubeClient) resource(ctx context.Context, name string) (resource, error) {
	for _, root := range []string{"/api", "/apis"} {
		answer, err := k.Do(ctx, http.MethodGet, root, nil)
		if err != nil {
			return resource{}, err
		}
		var list struct {
			Items []struct {
				Metadata struct{ Name string }
				Versions []struct {
					Version   string
					Resources []struct {
						Resource, SingularResource, Scope string
						ResponseKind                      struct{ Kind string }
						ShortNames                        []string
					}
				}
			}
		}
		if err := json.Unmarshal(answer, &list); err != nil {
			return resource{}, err
		}
		for _, group := range list.Items {
			for _, version := range group.Versions {
				for _, r := range version.Resources {
					names := append([]string{r.Resource, r.SingularResource, r.ResponseKind.Kind}, r.ShortNames...)
					if slices.Contains(names, name) {
						return resource{strings.TrimSuffix(root+"/"+group.Metadata.Name, "/") + "/" + version.Version, r.Resource, r.Scope == "Namespaced"}, nil
					}
				}
			}
		}
	}
	return resource{}, fmt.Errorf("resource %q: the API server has no such kind", name)
}

// at is the path of an object, or of all objects where name is empty. A namespace of "" means all of them.
func (r resource) at(namespace, name string) string {
	path := r.path
	if r.namespaced && namespace != "" {
		path += "/namespaces/" + url.PathEscape(namespace)
	}
	path += "/" + r.plural
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

// Path is where an object is: kind by any of its names, name as NAME or NAMESPACE/NAME.
func (k *KubeClient) Path(ctx context.Context, kind, name string) (string, error) {
	r, err := k.resource(ctx, kind)
	if err != nil {
		return "", err
	}
	namespace, name := objectName(name)
	return r.at(namespace, name), nil
}

func objectName(name string) (namespace, rest string) {
	if namespace, rest, ok := strings.Cut(name, "/"); ok {
		return namespace, rest
	}
	return "", name
}

// Get gives an object as JSON.
func (k *KubeClient) Get(ctx context.Context, kind, name string) ([]byte, error) {
	path, err := k.Path(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	return k.Do(ctx, http.MethodGet, path, nil)
}

// List names all objects of a kind, as NAMESPACE/NAME or NAME, with these labels (KEY=VALUE,…; empty: any).
func (k *KubeClient) List(ctx context.Context, kind, labels string) ([]string, error) {
	path, err := k.Path(ctx, kind, "")
	if err != nil {
		return nil, err
	}
	answer, err := k.Do(ctx, http.MethodGet, path+"?labelSelector="+url.QueryEscape(labels), nil)
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct{ Namespace, Name string }
		}
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, err
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, strings.TrimPrefix(item.Metadata.Namespace+"/"+item.Metadata.Name, "/"))
	}
	return names, nil
}

// Apply applies YAML documents on the server's side, as a field manager of this name.
func (k *KubeClient) Apply(ctx context.Context, manager string, documents []byte) error {
	for _, document := range bytes.Split(documents, []byte("\n---")) {
		var object struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		if err := yaml.Unmarshal(document, &object); err != nil {
			return err
		}
		if object.Kind == "" {
			continue // comments only
		}
		r, err := k.resource(ctx, object.Kind)
		if err != nil {
			return err
		}
		path := r.at(object.Metadata.Namespace, object.Metadata.Name) + "?force=true&fieldManager=" + url.QueryEscape(manager)
		if _, err := k.Do(ctx, http.MethodPatch, path, document); err != nil {
			return err
		}
	}
	return nil
}

// Token asks the API server for a token of a service account.
func (k *KubeClient) Token(ctx context.Context, namespace, name string) (string, error) {
	path := "/api/v1/namespaces/" + namespace + "/serviceaccounts/" + name + "/token"
	answer, err := k.Do(ctx, http.MethodPost, path, map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"})
	if err != nil {
		return "", err
	}
	var request struct{ Status struct{ Token string } }
	err = json.Unmarshal(answer, &request)
	return request.Status.Token, err
}

// serviceAccount parts system:serviceaccount:NAMESPACE:NAME.
func serviceAccount(user string) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(user, "system:serviceaccount:")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}

// Grant lets a user use verbs (get,list) on resources (secrets, deployments.apps; comma-separated), in one namespace, or everywhere
// where namespace is empty.
func (k *KubeClient) Grant(ctx context.Context, user, verbs, resources, namespace string) error {
	type object = map[string]any
	var rules []object
	for full := range strings.SplitSeq(resources, ",") {
		plural, group, _ := strings.Cut(full, ".")
		rules = append(rules, object{"apiGroups": []string{group}, "resources": []string{plural}, "verbs": strings.Split(verbs, ",")})
	}
	subject := object{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}
	if namespace, name, ok := serviceAccount(user); ok {
		subject = object{"kind": "ServiceAccount", "namespace": namespace, "name": name}
	}
	role, binding := "clusterroles", "clusterrolebindings"
	kind, path := "ClusterRole", "/apis/rbac.authorization.k8s.io/v1/"
	if namespace != "" {
		role, binding, kind, path = "roles", "rolebindings", "Role", path+"namespaces/"+namespace+"/"
	}
	name := grantName(user, verbs, resources)
	meta := object{"name": name, "labels": object{"rig/user": strings.ReplaceAll(user, ":", ".")}}
	if _, err := k.Do(ctx, http.MethodPost, path+role, object{"metadata": meta, "rules": rules}); err != nil {
		return err
	}
	_, err := k.Do(ctx, http.MethodPost, path+binding, object{
		"metadata": meta, "subjects": []object{subject},
		"roleRef": object{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
	})
	return err
}

// Revoke takes back what Grant gave, with the same arguments.
func (k *KubeClient) Revoke(ctx context.Context, user, verbs, resources, namespace string) error {
	path, binding := "/apis/rbac.authorization.k8s.io/v1/", "clusterrolebindings/"
	role := "clusterroles/"
	if namespace != "" {
		path, binding, role = path+"namespaces/"+namespace+"/", "rolebindings/", "roles/"
	}
	name := url.PathEscape(grantName(user, verbs, resources))
	for _, what := range []string{binding, role} {
		if _, err := k.Do(ctx, http.MethodDelete, path+what+name, nil); err != nil {
			return err
		}
	}
	return nil
}

func grantName(user, verbs, resources string) string { return user + ":" + verbs + ":" + resources }

// DryRun has the API server take YAML documents as new objects, as strictly as it can, and keep none of them.
func (k *KubeClient) DryRun(ctx context.Context, documents []byte) error {
	var errs []error
	for _, document := range bytes.Split(documents, []byte("\n---")) {
		var object map[string]any
		if err := yaml.Unmarshal(document, &object); err != nil {
			return err
		}
		if object == nil {
			continue
		}
		kind, _ := object["kind"].(string)
		metadata, _ := object["metadata"].(map[string]any)
		namespace, _ := metadata["namespace"].(string)
		r, err := k.resource(ctx, kind)
		if err != nil {
			return err
		}
		if kind == "Namespace" {
			metadata["name"] = "dry" // it is there, for the others
		}
		if _, err := k.Do(ctx, http.MethodPost, r.at(namespace, "")+"?dryRun=All&fieldValidation=Strict", object); err != nil {
			errs = append(errs, fmt.Errorf("%s %v: %w", kind, metadata["name"], err))
		}
	}
	return errors.Join(errs...)
}
