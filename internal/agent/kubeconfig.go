package agent

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"time"

	"sigs.k8s.io/yaml"
)

// API is a way to a cluster's API server.
type API struct {
	server         *url.URL
	tls            *tls.Config
	token          Token
	user, password string
}

// kubeconfig is of that format what MicroK8s' own client.config uses: a CA, and a client certificate, or on older nodes a token, or on still
// older ones a password.
type kubeconfig struct {
	CurrentContext string `json:"current-context"`
	Clusters       []struct {
		Name    string `json:"name"`
		Cluster struct {
			Server        string `json:"server"`
			TLSServerName string `json:"tls-server-name"`
			CA            string `json:"certificate-authority"`
			CAData        []byte `json:"certificate-authority-data"`
		} `json:"cluster"`
	} `json:"clusters"`
	Contexts []struct {
		Name    string `json:"name"`
		Context struct {
			Cluster string `json:"cluster"`
			User    string `json:"user"`
		} `json:"context"`
	} `json:"contexts"`
	Users []struct {
		Name string     `json:"name"`
		User credential `json:"user"`
	} `json:"users"`
}

type credential struct {
	Cert      string `json:"client-certificate"`
	CertData  []byte `json:"client-certificate-data"`
	Key       string `json:"client-key"`
	KeyData   []byte `json:"client-key-data"`
	Token     Token  `json:"token"`
	TokenFile string `json:"tokenFile"`
	Username  string `json:"username"`
	Password  string `json:"password"`
}

// Kubeconfig reads the kubeconfig at name: its current context. Files that it names, and it itself, come from read. Plug-ins that fetch
// credentials are not run, and a certificate is always verified.
func Kubeconfig(name string, read func(path string) ([]byte, error)) (*API, error) {
	text, err := read(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	api, err := parse(text, func(file string) ([]byte, error) {
		if !path.IsAbs(file) {
			file = path.Join(path.Dir(name), file)
		}
		return read(file)
	})
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return api, nil
}

func parse(text []byte, read func(file string) ([]byte, error)) (*API, error) {
	var config kubeconfig
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, errors.New("it is no kubeconfig") // the parser's words may quote a key
	}
	cluster, user := "", ""
	for _, c := range config.Contexts {
		if c.Name == config.CurrentContext {
			cluster, user = c.Context.Cluster, c.Context.User
		}
	}
	if cluster == "" {
		return nil, fmt.Errorf("there is no context %q", config.CurrentContext)
	}
	api := &API{tls: &tls.Config{MinVersion: tls.VersionTLS12}}
	for _, c := range config.Clusters {
		if c.Name != cluster {
			continue
		}
		server, err := url.Parse(c.Cluster.Server)
		if err != nil || server.Scheme != "https" || server.Host == "" {
			return nil, fmt.Errorf("cluster %q: server %q is no https:// address", cluster, c.Cluster.Server)
		}
		ca, err := either(c.Cluster.CAData, c.Cluster.CA, read)
		if err != nil {
			return nil, fmt.Errorf("cluster %q: certificate-authority: %w", cluster, err)
		}
		if len(ca) > 0 {
			api.tls.RootCAs = x509.NewCertPool()
			if !api.tls.RootCAs.AppendCertsFromPEM(ca) {
				return nil, fmt.Errorf("cluster %q: certificate-authority: no certificate in it", cluster)
			}
		}
		api.server, api.tls.ServerName = server, c.Cluster.TLSServerName
	}
	if api.server == nil {
		return nil, fmt.Errorf("there is no cluster %q", cluster)
	}
	for _, u := range config.Users {
		if u.Name == user {
			if err := api.login(u.User, read); err != nil {
				return nil, fmt.Errorf("user %q: %w", user, err)
			}
			return api, nil
		}
	}
	return nil, fmt.Errorf("there is no user %q", user)
}

// login takes over a user's credentials.
func (k *API) login(c credential, read func(string) ([]byte, error)) error {
	cert, err := either(c.CertData, c.Cert, read)
	if err != nil {
		return fmt.Errorf("client-certificate: %w", err)
	}
	if len(cert) > 0 {
		key, err := either(c.KeyData, c.Key, read)
		if err != nil {
			return fmt.Errorf("client-key: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("client-certificate and client-key: %w", err)
		}
		k.tls.Certificates = []tls.Certificate{pair}
	}
	token, err := either([]byte(c.Token), c.TokenFile, read)
	if err != nil {
		return fmt.Errorf("tokenFile: %w", err)
	}
	k.token, k.user, k.password = firstToken(string(token)), c.Username, c.Password
	if len(cert) == 0 && k.token == "" && (c.Username == "" || c.Password == "") {
		return errors.New("it has neither a client certificate nor a token")
	}
	return nil
}

// either gives what stands in the kubeconfig itself, or else in the file that it names.
func either(data []byte, file string, read func(string) ([]byte, error)) ([]byte, error) {
	if len(data) > 0 || file == "" {
		return data, nil
	}
	text, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", file, err)
	}
	return text, nil
}

// client talks to the API server directly, for the reasons that hold for agents as well.
func (k *API) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: defaultDialling}).DialContext,
			TLSHandshakeTimeout:   defaultDialling,
			ResponseHeaderTimeout: 30 * time.Second,
			TLSClientConfig:       k.tls,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// authorize puts the credentials on a request, as far as they are not in its TLS.
func (k *API) authorize(request *http.Request) {
	switch {
	case k.token != "":
		request.Header.Set("Authorization", "Bearer "+string(k.token))
	case k.user != "" && k.password != "":
		request.SetBasicAuth(k.user, k.password)
	}
}
