package spec_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

func certificate(t *testing.T, public, private any) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestPair(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ed)
	if err != nil {
		t.Fatal(err)
	}
	ecCert, edCert := certificate(t, &ec.PublicKey, ec), certificate(t, public, ed)
	ecKey := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})
	edKey := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: pkcs8})
	for _, c := range []struct {
		name      string
		cert, key []byte
		want      string // in the error; empty: none
	}{
		{"elliptic", ecCert, ecKey, ""},
		{"edwards", edCert, edKey, ""},
		{"one file", append(ecKey, ecCert...), append(ecCert, ecKey...), ""},
		{"another's key", ecCert, edKey, "do not belong together"},
		{"no key", ecCert, ecCert, "holds no PEM key"},
		{"no certificate", ecKey, ecKey, "holds no PEM certificate"},
		{"locked", edCert, locked, "is encrypted"},
		{"broken certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), ecKey, "cannot be parsed"},
		{"empty", nil, nil, "holds no PEM certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := spec.CheckPair(c.cert, c.key)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	s, _, err := load(t, `registries:
- host: a.lab
  ca: [one.crt, /two.crt]
mirrors:
- registry: a.lab
  endpoints:
  - https://b.lab
  - {url: https://c.lab, client: {cert: c.crt, key: /c.key}}
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range s.Files() {
		where := "on the node"
		if f.Beside {
			where = "beside"
		}
		got = append(got, strings.Join([]string{string(f.Kind), f.File, where, f.Path, f.Position.String()}, " "))
	}
	want := `ca one.crt beside registries[0].ca[0] regsync.yaml:5:8
ca /two.crt on the node registries[0].ca[1] regsync.yaml:5:17
cert c.crt beside mirrors[0].endpoints[1].client.cert regsync.yaml:10:41
key /c.key on the node mirrors[0].endpoints[1].client.key regsync.yaml:10:53`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}
