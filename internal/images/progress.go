package images

// Progress is how far an import has come.
type Progress struct {
	Image string // the name of an image that has just become complete; else empty

	Total   int64 // bytes of content that were missing
	Written int64 // bytes of it that containerd has

	Unpacked int // layers that were unpacked
}

// progress changes what has been reached and reports it.
func (r *run) progress(change func(*Progress)) {
	r.tell.Lock()
	defer r.tell.Unlock()
	r.reached.Image = ""
	change(&r.reached)
	if r.report != nil {
		r.report(r.reached)
	}
}
