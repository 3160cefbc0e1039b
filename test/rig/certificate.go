package rig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Authority is a certificate authority of the test's own. PEM is its certificate.
type Authority struct {
	PEM  []byte
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes an authority that nobody trusts yet.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rig authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making a test authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), cert: cert, key: key}, err
}

// Issue returns certificate and key, both PEM, for a server with these names and addresses and for a client alike.
func (a *Authority) Issue(names ...string) (cert, key []byte, err error) {
	return a.IssueFor(time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour), names...)
}

// IssueFor is Issue for a certificate that is valid from one time to another.
func (a *Authority) IssueFor(from, to time.Time, names ...string) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: from, NotAfter: to,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("issuing a test certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// Expired returns the TLS configuration of a server with these names whose certificate was good until the second of January 2021.
func (a *Authority) Expired(names ...string) (*tls.Config, error) {
	until := time.Date(2021, 1, 2, 12, 0, 0, 0, time.UTC)
	return a.ServerFor(until.AddDate(0, 0, -1), until, names...)
}

// Server returns the TLS configuration of a server with these names. Where clients is true, only clients with a
// certificate of this authority get in.
func (a *Authority) Server(clients bool, names ...string) (*tls.Config, error) {
	cert, key, err := a.Issue(names...)
	if err != nil {
		return nil, err
	}
	return a.with(cert, key, clients)
}

// ServerFor is Server with a certificate that is valid from one time to another, without clients' certificates.
func (a *Authority) ServerFor(from, to time.Time, names ...string) (*tls.Config, error) {
	cert, key, err := a.IssueFor(from, to, names...)
	if err != nil {
		return nil, err
	}
	return a.with(cert, key, false)
}

func (a *Authority) with(cert, key []byte, clients bool) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if clients {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AddCert(a.cert)
	}
	return config, nil
}
