package agent

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// untrusted is the error of a handshake whose certificate was not accepted.
type untrusted struct {
	detail, hint string
	cause        error
}

func (u *untrusted) Error() string { return u.detail }

// verify judges the certificate of a node's agent: it is the pinned one, or for the node's address and signed by the cluster's CA.
func (a Agents) verify(node Node) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		cert := state.PeerCertificates[0]
		sum := sha256.Sum256(cert.Raw)
		print := hex.EncodeToString(sum[:])
		if pin := a.Pins[node.Name]; pin != "" {
			if strings.EqualFold(strings.ReplaceAll(pin, ":", ""), print) {
				return nil
			}
			return &untrusted{detail: fmt.Sprintf("it has sha256 %s, and %s is pinned for this node", print, pin)}
		}
		between := x509.NewCertPool()
		for _, c := range state.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := cert.Verify(x509.VerifyOptions{Roots: a.Roots, Intermediates: between, DNSName: node.Address})
		if err == nil {
			return nil
		}
		return &untrusted{
			detail: fmt.Sprintf("it is for %s, signed by %q, with sha256 %s; one for %s, signed by the cluster's certs/ca.crt, was expected",
				strings.Join(names(cert), ", "), cert.Issuer, print, node.Address),
			hint:  remedy(err),
			cause: err,
		}
	}
}

// names are those that a certificate is for.
func names(cert *x509.Certificate) []string {
	list := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		list = append(list, ip.String())
	}
	if list == nil {
		return []string{"no name"}
	}
	return list
}

// remedy says what usually lies behind a certificate that does not verify. MicroK8s makes server.crt for 365 days and for the addresses that
// the node had at that time, and on clustered nodes it does not make it anew by itself (microk8s-resources/actions/common/utils.sh,
// gen_server_cert; lock file no-cert-reissue).
func remedy(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return "a node that joined as a worker keeps an authority of its own: compare the sha256 with that of certs/server.crt on the node, and pin it"
	case errors.As(err, &name):
		return "on that node: microk8s refresh-certs --cert server.crt, if the address is its own"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "look at the clocks of both nodes; on that node: microk8s refresh-certs --cert server.crt"
	}
	return ""
}
