package rig

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// ClusterNode is a node as the API server knows it.
type ClusterNode struct {
	Name    string
	Address string // InternalIP
	Arch    string // as label kubernetes.io/arch
}

// StartNodeList serves a list of nodes on an address such as 127.0.0.1:16443, two a page: a stand-in for the one thing that is asked of
// an API server when archives go to other nodes. It wants a client certificate of authority.
func StartNodeList(address string, authority *Authority, nodes []ClusterNode) (*http.Server, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config, err := authority.Server(true, ServerNames(host)...)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serving a list of nodes on %q: %w", address, err)
	}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0)}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v1/nodes" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		from = min(max(from, 0), len(nodes))
		to := min(from+2, len(nodes))
		next := ""
		if to < len(nodes) {
			next = strconv.Itoa(to)
		}
		json.NewEncoder(w).Encode(nodeList(nodes[from:to], next))
	})
	go server.Serve(tls.NewListener(listener, config))
	return server, nil
}

func nodeList(nodes []ClusterNode, next string) any {
	type object = map[string]any
	list := []object{}
	for _, n := range nodes {
		list = append(list, object{
			"metadata": object{"name": n.Name, "labels": object{"kubernetes.io/hostname": n.Name, "kubernetes.io/arch": n.Arch}},
			"status": object{
				"addresses":  []object{{"type": "InternalIP", "address": n.Address}, {"type": "Hostname", "address": n.Name}},
				"conditions": []object{{"type": "Ready", "status": "True"}},
			},
		})
	}
	return object{"apiVersion": "v1", "kind": "NodeList", "metadata": object{"continue": next}, "items": list}
}

// LayCluster adds to a MicroK8s tree below root (see [LayMicroK8s]) what a node has once others have joined it: the cluster's CA, the callback
// token, the agent's arguments, and the administrator's kubeconfig for an API server at 127.0.0.1 and this port.
func LayCluster(root string, authority *Authority, token string, apiPort int) error {
	cert, key, err := authority.Issue("admin")
	if err != nil {
		return err
	}
	encode := base64.StdEncoding.EncodeToString
	for name, content := range map[string]string{
		"certs/ca.crt":                   string(authority.PEM),
		"credentials/callback-token.txt": token, // without a newline, as join.py writes it
		"args/cluster-agent": "--bind 0.0.0.0:25000\n--keyfile \"${SNAP_DATA}/certs/server.key\"\n" +
			"--certfile \"${SNAP_DATA}/certs/server.crt\"\n--timeout 240\n",
		"credentials/client.config": fmt.Sprintf(clientConfig, encode(authority.PEM), apiPort, encode(cert), encode(key)),
		"var/lock/no-cert-reissue":  "",
	} {
		name = filepath.Join(root, SnapData, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o660); err != nil {
			return err
		}
	}
	return nil
}

const clientConfig = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: %s
    server: https://127.0.0.1:%d
  name: microk8s-cluster
contexts:
- context:
    cluster: microk8s-cluster
    user: admin
  name: microk8s
current-context: microk8s
kind: Config
preferences: {}
users:
- name: admin
  user:
    client-certificate-data: %s
    client-key-data: %s
`
