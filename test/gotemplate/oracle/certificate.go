package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"time"

	"golang.org/x/crypto/bcrypt"
)

type certificateQuestion struct {
	// In PEM; the key, where there is one, has to belong to the certificate.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	// The certificate that signed it: itself if it is self-signed.
	Roots string `json:"roots"`
	// A host or address that it has to be valid for.
	Host string `json:"host"`
	// When, in RFC 3339.
	Time time.Time `json:"time"`
}

// certificateFields are what a certificate says, without what is different in each.
type certificateFields struct {
	Subject, Issuer             string
	Names, Addresses            []string
	Usage                       x509.KeyUsage
	ExtendedUsage               []x509.ExtKeyUsage
	IsCA, ConstraintsValid      bool
	MaxPathLen                  int
	Algorithm, Signature        string
	Seconds                     float64
	HasSubjectKey, HasIssuerKey bool
	SerialBits                  bool
	Extensions                  []string
}

// checkCertificate has Go's x509 verify a certificate, and says what is in it.
func checkCertificate(asked certificateQuestion) (string, error) {
	block, _ := pem.Decode([]byte(asked.Certificate))
	if block == nil {
		return "", errors.New("no PEM")
	}
	made, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	if asked.Key != "" {
		if _, err := tls.X509KeyPair([]byte(asked.Certificate), []byte(asked.Key)); err != nil {
			return "", err
		}
	}
	if asked.Roots != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(asked.Roots)) {
			return "", errors.New("no roots")
		}
		options := x509.VerifyOptions{Roots: roots, DNSName: asked.Host, CurrentTime: asked.Time}
		if _, err := made.Verify(options); err != nil {
			return "", err
		}
	}
	fields := certificateFields{
		Subject: made.Subject.String(), Issuer: made.Issuer.String(),
		Names: made.DNSNames, Usage: made.KeyUsage, ExtendedUsage: made.ExtKeyUsage,
		IsCA: made.IsCA, ConstraintsValid: made.BasicConstraintsValid, MaxPathLen: made.MaxPathLen,
		Algorithm: made.PublicKeyAlgorithm.String(), Signature: made.SignatureAlgorithm.String(),
		Seconds:       made.NotAfter.Sub(made.NotBefore).Seconds(),
		HasSubjectKey: made.SubjectKeyId != nil, HasIssuerKey: made.AuthorityKeyId != nil,
		SerialBits: made.SerialNumber.BitLen() <= 128 && made.SerialNumber.Sign() > 0,
	}
	for _, address := range made.IPAddresses {
		fields.Addresses = append(fields.Addresses, address.String())
	}
	for _, extension := range made.Extensions {
		mark := ""
		if extension.Critical {
			mark = " critical"
		}
		fields.Extensions = append(fields.Extensions, extension.Id.String()+mark)
	}
	text, err := json.Marshal(fields)
	return string(text), err
}

type passwordQuestion struct {
	Password string `json:"password"`
	Hash     string `json:"hash"`
}

// checkPassword compares with golang.org/x/crypto, which Sprig makes its hashes with.
func checkPassword(asked passwordQuestion) error {
	return bcrypt.CompareHashAndPassword([]byte(asked.Hash), []byte(asked.Password))
}
