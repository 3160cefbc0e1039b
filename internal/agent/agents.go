package agent

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"time"
)

// Port is where agents listen unless args/cluster-agent says otherwise.
const Port = 25000

// Limit is how long an agent works on one request unless args/cluster-agent says otherwise.
const Limit = 240 * time.Second

// Agents is what is needed to talk to the agents of one cluster.
type Agents struct {
	Token Token          // the cluster's callback token: one for all nodes that share a control plane
	Roots *x509.CertPool // who signs the agents' certificates
	Port  int            // all nodes have the same: joining demands it

	// Limit is after how long an agent cuts a request: what takes longer is told as [ErrTimedOut].
	Limit time.Duration

	// Pins are certificates that are accepted though no root has signed them, by the node's name: the SHA-256 of the certificate
	// (DER) in hexadecimal digits, as [ErrUntrusted] shows it. Agents of worker nodes need it, see [Agents.Push].
	Pins map[string]string

	dialling time.Duration // how long the connection, and then the handshake, may take; 0: 10 s
}

// Token is a secret, and prints as nothing.
type Token string

func (Token) String() string { return "(token)" }

// GoString is for %#v.
func (Token) GoString() string { return "(token)" }

// LogValue is for slog.
func (Token) LogValue() slog.Value { return slog.StringValue("(token)") }

// Node is a node of the cluster.
type Node struct {
	Name      string   // as Kubernetes calls it
	Address   string   // the first InternalIP; empty where the node has none yet
	Addresses []string // all InternalIPs
	Hostname  string   // label kubernetes.io/hostname
	Arch      string   // label kubernetes.io/arch, such as arm64

	// Ready is what the kubelet says. A node may be unready for want of the very images that are to be pushed, so it is no reason
	// to leave a node out (canonical/microk8s#4253).
	Ready bool
}

// New makes the way to the agents that have certificates of the authorities in ca (PEM) and listen on port.
func New(token Token, ca []byte, port int) (Agents, error) {
	if token == "" {
		return Agents{}, errors.New("the callback token is empty")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return Agents{}, errors.New("the cluster's CA: no certificate in it")
	}
	return Agents{Token: token, Roots: roots, Port: port, Limit: Limit}, nil
}
