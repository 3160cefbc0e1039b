package rig

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

// Kube is a control plane: etcd, kube-apiserver with RBAC, and those controllers that give a namespace its service account, empty one
// that is deleted, make pods for a deployment, and bind volumes. It has no garbage collector, and no node: nothing schedules or runs a pod,
// unless [Kube.StartNodes] and [StartKubelets] see to that.
type Kube struct {
	*KubeClient // of admin

	dir         string
	programs    KubePrograms
	authority   *Authority
	etcdURL     string
	etcd        *Daemon
	api         *Daemon // nil: it does not run
	controllers *Daemon
	nodes       *Daemon // nil: there are no controllers of nodes
}

// adminToken is that of a user in system:masters. Everybody else shows a certificate, or a token of a service account.
const adminToken = "the-admins-token"

// StartKube starts a control plane whose API server listens at an address of the loopback, and waits until it serves and its controllers
// work. dir is an empty directory of its own.
func StartKube(ctx context.Context, dir, address string) (*Kube, error) {
	programs, err := FindKube()
	if err != nil {
		return nil, err
	}
	authority, err := NewAuthority()
	if err != nil {
		return nil, err
	}
	k := &Kube{KubeClient: newKubeClient(address, authority.PEM, adminToken), dir: dir, programs: programs, authority: authority}
	if err := k.lay(); err != nil {
		return nil, err
	}
	if err := k.startEtcd(); err != nil {
		return nil, err
	}
	if err = k.StartAPIServer(ctx); err == nil {
		err = k.startControllers(ctx)
	}
	if err != nil {
		k.Stop()
		return nil, err
	}
	return k, nil
}

// lay writes what the programs read.
func (k *Kube) lay() error {
	host, _, err := net.SplitHostPort(k.Address)
	if err != nil {
		return err
	}
	cert, key, err := k.authority.Issue(ServerNames(host)...)
	if err != nil {
		return err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	signing, err := x509.MarshalECPrivateKey(accounts)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"ca.crt": k.authority.PEM, "server.crt": cert, "server.key": key,
		"accounts.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: signing}),
		"tokens.csv":   []byte(adminToken + ",admin,admin,system:masters\n"),
		"admin.conf":   kubeconfig(k.Address, k.authority.PEM, "admin", "    token: "+adminToken+"\n"),
	} {
		if err := os.WriteFile(k.path(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (k *Kube) path(name string) string { return filepath.Join(k.dir, name) }

func (k *Kube) startEtcd() error {
	client, err := freeAddress()
	if err != nil {
		return err
	}
	peer, err := freeAddress()
	if err != nil {
		return err
	}
	k.etcdURL = "http://" + client
	k.etcd, err = StartDaemon(k.path("etcd.log"), k.programs.Etcd,
		"--name=rig", "--data-dir="+k.path("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls="+k.etcdURL, "--advertise-client-urls="+k.etcdURL,
		"--listen-peer-urls=http://"+peer, "--initial-advertise-peer-urls=http://"+peer, "--initial-cluster=rig=http://"+peer)
	return err
}

// freeAddress is one of the loopback on which nobody listens at this moment.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// StartAPIServer starts the API server and waits until it is ready. What was stored before is there.
func (k *Kube) StartAPIServer(ctx context.Context) error {
	host, port, err := net.SplitHostPort(k.Address)
	if err != nil {
		return err
	}
	k.api, err = StartDaemon(k.path("kube-apiserver.log"), k.programs.APIServer,
		"--etcd-servers="+k.etcdURL, "--bind-address="+host, "--advertise-address=127.0.0.1", "--secure-port="+port,
		"--tls-cert-file="+k.path("server.crt"), "--tls-private-key-file="+k.path("server.key"), "--client-ca-file="+k.path("ca.crt"),
		"--authorization-mode=RBAC", "--token-auth-file="+k.path("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+k.path("accounts.key"),
		"--service-account-signing-key-file="+k.path("accounts.key"),
		// A pod needs no token here, nobody takes a claim's protection away, and the addresses of the API server are nobody's affair.
		"--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection", "--endpoint-reconciler-type=none", "--service-node-port-range=30000-32767")
	if err != nil {
		return err
	}
	return k.api.await(ctx, func(ctx context.Context) error {
		_, err := k.Do(ctx, http.MethodGet, "/readyz", nil)
		return err
	})
}

func (k *Kube) startControllers(ctx context.Context) error {
	var err error
	if k.controllers, err = StartDaemon(k.path("controllers.log"), k.programs.Controllers, k.path("admin.conf")); err != nil {
		return err
	}
	return k.controllers.await(ctx, func(ctx context.Context) error {
		_, err := k.Do(ctx, http.MethodGet, "/api/v1/namespaces/default/serviceaccounts/default", nil)
		return err
	})
}

// StartNodes starts the scheduler, and the controllers of daemon sets and of nodes.
func (k *Kube) StartNodes() error {
	var err error
	k.nodes, err = StartDaemon(k.path("nodes.log"), k.programs.Controllers, k.path("admin.conf"), "nodes")
	return err
}

// Kill ends the API server at once. [Kube.StartAPIServer] brings it back.
func (k *Kube) Kill() {
	if k.api != nil {
		k.api.cmd.Process.Signal(syscall.SIGKILL)
		<-k.api.done
		k.api = nil
	}
	k.client.CloseIdleConnections()
}

// Stop ends everything.
func (k *Kube) Stop() {
	for _, d := range []*Daemon{k.nodes, k.controllers, k.api, k.etcd} {
		if d != nil {
			d.Stop()
		}
	}
	k.nodes, k.controllers, k.api, k.etcd = nil, nil, nil, nil
	k.client.CloseIdleConnections()
}

// Kubeconfig gives a kubeconfig for a user: admin may do everything; another is known by a certificate with this name and has only what
// is granted to it; a service account (system:serviceaccount:NAMESPACE:NAME) shows a token of its own.
func (k *Kube) Kubeconfig(ctx context.Context, user string) ([]byte, error) {
	if user == "admin" {
		return os.ReadFile(k.path("admin.conf"))
	}
	if namespace, name, ok := serviceAccount(user); ok {
		token, err := k.Token(ctx, namespace, name)
		if err != nil {
			return nil, err
		}
		return kubeconfig(k.Address, k.authority.PEM, user, "    token: "+token+"\n"), nil
	}
	cert, key, err := k.authority.Issue(user)
	if err != nil {
		return nil, err
	}
	encode := base64.StdEncoding.EncodeToString
	shown := "    client-certificate-data: " + encode(cert) + "\n    client-key-data: " + encode(key) + "\n"
	return kubeconfig(k.Address, k.authority.PEM, user, shown), nil
}

// CA is the certificate of the authority that the API server's certificate is of, as PEM.
func (k *Kube) CA() []byte { return bytes.Clone(k.authority.PEM) }

func kubeconfig(address string, ca []byte, user, shown string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: rig
  cluster:
    certificate-authority-data: %s
    server: https://%s
contexts:
- name: rig
  context:
    cluster: rig
    user: "%s"
current-context: rig
users:
- name: "%[3]s"
  user:
%s`, base64.StdEncoding.EncodeToString(ca), address, user, shown)
}
