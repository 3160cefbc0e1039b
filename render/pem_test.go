package render

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// pair makes a certificate and its key, the same ones each time for one seed.
func pair(t testing.TB, seed byte) (cert, key []byte) {
	t.Helper()
	secret := make([]byte, ed25519.SeedSize)
	secret[0] = seed
	private := ed25519.NewKeyFromSeed(secret)
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(seed)), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(nil, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// pems is what a spec's PEM files hold: two authorities, a client certificate with its key, and files that are none.
func pems(t testing.TB) map[string][]byte {
	t.Helper()
	ca, _ := pair(t, 1)
	other, otherKey := pair(t, 2)
	cert, key := pair(t, 3)
	return map[string][]byte{
		"/etc/ca.pem": ca, "/etc/other.pem": other, "/etc/other-key.pem": otherKey,
		"/certs.d/r.example/ca.pem": ca, "/etc/cert.pem": cert, "/etc/key.pem": key, "/etc/empty.pem": nil, "/etc/text": []byte("hello\n"),
	}
}
