// Package cluster looks after objects of the cluster: pull secrets, the references of service accounts to them, and MicroK8s' built-in
// registry, which the command microk8s makes.
//
// It is the only package that knows client-go, and of that it uses the REST client and the loader of kubeconfigs only: the typed clients
// weigh 20 MB more. Objects are read and written whole, as Kubernetes gives them, so that nothing is lost of what is not ours: an object
// is read, our part of it is changed, and it is written with the version that was read. Where somebody was faster, it is read again.
// imagePullSecrets is never patched: to Kubernetes that list is one value (listType atomic), so that a patch or a server-side apply would
// take the entries of others away.
//
// These are the verbs that looking after them needs, and no others:
//
//	namespaces         list       for globs and selectors only
//	                   watch      to follow them, as the next two: [Client.Follow]
//	                   get        for names; where it is refused, a namespace is taken to be there
//	secrets            get, create, update, delete
//	                   watch      name by name
//	serviceaccounts    get, update, watch
//	nodes              get        this one's labels, for overlays that ask for them
//	                   patch      its annotations, for watch --annotate
//	leases             get, create, update, delete     in kube-system, regsync-OWNER; not with cluster.manage: always
//
// and for MicroK8s' built-in registry, to look only:
//
//	deployments, persistentvolumeclaims, services      get         in container-registry
//	storageclasses                                     list
//	pods, events, services                             list        for the reason why it is not ready
//
// deploy/kubernetes/rbac.yaml gives them, and TestRole in package test shows that each is needed. [Client.PullSecrets], which is for capture alone,
// lists secrets and service accounts too: that right the role does not give, as it is one to read every password of the cluster.
//
// What a plan says of a secret is a [render.PullSecret], and of a service account the names of its imagePullSecrets, one a line.
package cluster
