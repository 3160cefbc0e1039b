package render

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/regsync/regsync/spec"
)

// A registry's certificates and keys stand beside its hosts.toml, which names them without a path: containerd (hosts.go, makeAbsPath)
// takes such names from the directory. Their names hold a digest of what is in them, so that a new certificate and its key
// come into force together, when hosts.toml names them. They end in .pem: without a valid hosts.toml containerd would take
// *.crt and *.cert for itself.

func caName(pem []byte) string { return "regsync-ca-" + digest(pem) + ".pem" }

func certName(cert []byte) string { return "regsync-client-" + digest(cert) + ".pem" }

// keyName is that of the certificate: a digest of a key is not for the eyes of all.
func keyName(cert []byte) string { return "regsync-client-" + digest(cert) + "-key.pem" }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// companions adds to all the files that the hosts.toml of r in dir needs beside it, each once.
func companions(all []Resource, r *Road, asks []Endpoint, dir string) []Resource {
	first := len(all)
	add := func(name string, body []byte, mode fs.FileMode) {
		name = dir + "/" + name
		if slices.ContainsFunc(all[first:], func(o Resource) bool { return o.Name == name }) {
			return
		}
		all = append(all, Resource{
			ID:        ID{Kind: KindFile, Name: name},
			Body:      body,
			Mode:      mode,
			Sensitive: mode == 0o600,
			From:      r.From,
			Why:       "TLS, " + r.Why,
		})
	}
	for i := range asks {
		e := &asks[i]
		for _, ca := range e.CA {
			add(caName(ca), ca, 0o644)
		}
		if e.Cert != nil {
			add(certName(e.Cert), e.Cert, 0o644)
			add(keyName(e.Cert), e.Key, 0o600)
		}
	}
	return all
}

// ca gives the PEM text of an entry of ca, which is a path or that text.
func (c *chart) ca(entry string, at place, k int) ([]byte, bool) {
	field := "ca[" + strconv.Itoa(k) + "]"
	data := []byte(entry)
	name := "the PEM text"
	if !strings.Contains(entry, "-----BEGIN ") {
		var ok bool
		if data, ok = c.file(entry, at, field); !ok {
			return nil, false
		}
		name = quote(entry)
	}
	if _, err := leaf(data); err != nil {
		c.refuse(at.pos, at.path(field), name+" "+err.Error()+"; containerd would refuse every pull of the registry", "")
		return nil, false
	}
	return data, true
}

// client gives a client certificate and its key.
func (c *chart) client(files *spec.ClientCert, at place) (cert, key []byte) {
	cert, ok := c.file(files.Cert, at, "client.cert")
	key, also := c.file(files.Key, at, "client.key")
	if !ok || !also {
		return nil, nil
	}
	first, err := leaf(cert)
	if err != nil {
		c.refuse(at.pos, at.path("client.cert"), quote(files.Cert)+" "+err.Error(), "")
		return nil, nil
	}
	public, err := publicOf(key)
	if err != nil {
		c.refuse(at.pos, at.path("client.key"), quote(files.Key)+" "+err.Error(), "")
		return nil, nil
	}
	if of, ok := first.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !of.Equal(public) {
		c.refuse(at.pos, at.path("client.key"), "the key in "+quote(files.Key)+" is not that of the certificate in "+quote(files.Cert), "")
		return nil, nil
	}
	return cert, key
}

func (c *chart) file(name string, at place, field string) ([]byte, bool) {
	data, ok := c.in.Files[name]
	if !ok {
		c.refuse(at.pos, at.path(field), quote(name)+" is not there, or cannot be read", "")
	}
	return data, ok
}

// leaf gives the first certificate of PEM text. It looks at the others too.
func leaf(data []byte) (first *x509.Certificate, err error) {
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a certificate that cannot be read: " + err.Error())
		}
		if first == nil {
			first = cert
		}
	}
	if first == nil {
		return nil, errors.New("holds no certificate in PEM form")
	}
	return first, nil
}

// publicOf gives the public key of a private key in PEM form, of the forms that crypto/tls takes.
func publicOf(data []byte) (crypto.PublicKey, error) {
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("holds no private key in PEM form")
		}
		if block.Type != "PRIVATE KEY" && !strings.HasSuffix(block.Type, " PRIVATE KEY") {
			continue
		}
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key.Public(), nil
		}
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key.Public(), nil
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a private key that cannot be read (is it encrypted?)")
		}
		if signer, ok := key.(crypto.Signer); ok {
			return signer.Public(), nil
		}
		return nil, errors.New("holds a private key that cannot sign")
	}
}
