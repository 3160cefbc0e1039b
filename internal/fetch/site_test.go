package fetch

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// certificate is signed by the authority that SSL_CERT_FILE names.
var certificate tls.Certificate

// proxied is where the proxy of HTTPS_PROXY leads, wherever somebody wants to go; asked is where that was.
var proxied, asked atomic.Value

// TestMain gives the process its environment: net/http and crypto/x509 read it once.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "fetch")
		must(err)
		defer os.RemoveAll(dir)
		authority := newAuthority()
		must(os.WriteFile(filepath.Join(dir, "ca.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Leaf.Raw}), 0o600))
		certificate = sign(authority)
		proxy := httptest.NewServer(http.HandlerFunc(connect))
		defer proxy.Close()
		for name, value := range map[string]string{
			"SSL_CERT_FILE": filepath.Join(dir, "ca.crt"), "SSL_CERT_DIR": dir, "HTTPS_PROXY": proxy.URL, "NO_PROXY": "direct.example",
			"https_proxy": "", "no_proxy": "",
		} {
			must(os.Setenv(name, value))
		}
		return m.Run()
	}())
}

func must(err error) {
	if err != nil {
		log.Panic(err)
	}
}

func newAuthority() tls.Certificate {
	return issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
}

func sign(authority tls.Certificate) tls.Certificate {
	return issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "site"}, DNSNames: []string{"archives.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, &authority)
}

func issue(c *x509.Certificate, by *tls.Certificate) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	c.SerialNumber = big.NewInt(1)
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := c, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	must(err)
	leaf, err := x509.ParseCertificate(raw)
	must(err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// connect is a proxy.
func connect(w http.ResponseWriter, r *http.Request) {
	asked.Store(r.Method + " " + r.Host)
	to, err := net.Dial("tcp", proxied.Load().(string))
	must(err)
	defer to.Close()
	from, _, err := w.(http.Hijacker).Hijack()
	must(err)
	defer from.Close()
	fmt.Fprint(from, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(to, from) }()
	_, _ = io.Copy(from, to)
}

// site serves one archive and remembers what it was asked.
type site struct {
	*httptest.Server
	content  []byte
	etag     string
	modified time.Time
	noRanges bool
	cuts     []int // after how many bytes the connection breaks, for one request after the other

	mu    sync.Mutex
	asked []http.Header
	// instead answers a request, counted from 0, in place of the site; false: it does not.
	instead func(n int, w http.ResponseWriter, r *http.Request) bool
}

func newSite(t *testing.T, size int) *site {
	t.Helper()
	s := &site{content: noise(size), etag: `"one"`}
	s.Server = httptest.NewUnstartedServer(s)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = mrand.NewChaCha8([32]byte{byte(size)}).Read(b)
	return b
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.asked)
	s.asked = append(s.asked, r.Header.Clone())
	s.mu.Unlock()
	if s.instead != nil && s.instead(n, w, r) {
		return
	}
	if s.etag != "" {
		w.Header().Set("ETag", s.etag)
	}
	if s.noRanges {
		r.Header.Del("Range")
	}
	if n < len(s.cuts) {
		w = &cut{w, s.cuts[n]}
	}
	http.ServeContent(w, r, "archive.tar", s.modified, bytes.NewReader(s.content))
}

// cut is an answer that breaks off.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(c.left, len(b))])
	if c.left -= n; c.left == 0 {
		must(http.NewResponseController(c.ResponseWriter).Flush())
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func (s *site) requests() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *site) digest() string { return digest(s.content) }

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// patient is a client that does not wait, and counts how often it would have.
func patient(waits *[]time.Duration) *Client {
	return &Client{Version: "1.2.3", pause: func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}}
}
