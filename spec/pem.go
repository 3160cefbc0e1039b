package spec

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// CheckPEM parses the certificates of a PEM file. Like crypto/x509, which containerd reads it with, it passes over what is no
// certificate, such as a key; unlike it, it does so not with a certificate that cannot be parsed. Validity in time is not
// judged. What is the name of the thing in the error.
func CheckPEM(what string, text []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s holds a certificate that cannot be parsed: %w", what, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%s holds no PEM certificate", what)
	}
	return certs, nil
}

// CheckPair checks that a PEM certificate and a PEM key belong together.
func CheckPair(cert, key []byte) error {
	certs, err := CheckPEM("the certificate file", cert)
	if err != nil {
		return err
	}
	private, err := parseKey(key)
	if err != nil {
		return err
	}
	public, ok := certs[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(private.Public()) {
		return errors.New("certificate and key do not belong together")
	}
	return nil
}

// parseKey reads a private key in the forms that crypto/tls reads: PKCS #8, PKCS #1, and SEC 1 for elliptic curves.
func parseKey(text []byte) (crypto.Signer, error) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("the key file holds no PEM key")
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the key is encrypted, and nobody can be asked for its password")
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue // EC PARAMETERS
		}
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key, nil
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parsing the key: %w", err)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, errors.New("the key is none that signs")
		}
		return signer, nil
	}
}
