package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestJudgeBelowRoot plans for a node that is only mounted, and whose config names a CA that only the node has.
func TestJudgeBelowRoot(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	const config = "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry.configs.'harbor.corp'.tls]\nca_file = '/srv/harbor-é.pem'\n"
	files := map[string][]byte{
		"etc/regsync/regsync.yaml":   []byte("apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nmirrors:\n- registry: ghcr.io\n  endpoints: [https://mirror.lab]\n"),
		"etc/containerd/config.toml": []byte(config),
		"srv/harbor-é.pem":           pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}
	root := t.TempDir()
	for name, data := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	plan := func() (int, string, string) {
		var out, problems bytes.Buffer
		code := run(t.Context(), []string{"plan", "--root", root}, streams{in: strings.NewReader(""), out: &out, err: &problems}, func(string) string { return "" })
		return code, out.String(), problems.String()
	}
	if code, out, problems := plan(); code != 0 || !strings.Contains(out, "certs.d/harbor.corp/hosts.toml") {
		t.Errorf("exit %d\n%s%s", code, out, problems)
	}
	if err := os.Remove(filepath.Join(root, "srv/harbor-é.pem")); err != nil {
		t.Fatal(err)
	}
	code, _, problems := plan()
	if code != 1 || !strings.Contains(problems, "would fail every pull of harbor.corp") || strings.Contains(problems, "fault of") {
		t.Errorf("exit %d\n%s", code, problems)
	}
}
