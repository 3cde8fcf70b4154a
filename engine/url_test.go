package engine

import (
	"fmt"
	"strings"
	"testing"
)

// Whatever a URL looks like: the part of it that is the password, whole or cut in two
// by a character that should have been escaped, is in no error and in no printed
// configuration.
func FuzzURL(f *testing.F) {
	for _, s := range [][3]string{
		{"redis://:", "", "@localhost:6379/0"}, {"redis://user:", "", "@localhost"}, {"rediss://:", "", "@h/one"}, {"unix://:", "", "@/path?db=1"},
		{"unix://:", "", "@/path?db=x"}, {"redis://user:12/", "", "@host/0"}, {"redis://user:12?", "", "@host/0"}, {"redis://user:12#", "", "@host/0"},
		{"redis://12/", "", "@host"}, {"redis://:a@b", "", "@host/0"}, {"redis://u:%zz", "", "@host"}, {"redis://u:\x00", "", "@h"}, {"u:", "", "@h:6379"},
		{":", "", "@h"}, {"//u:", "", "@h"}, {"redis:u:", "", "@h"}, {"redis://u:", " ", "@h"}, {"http://u:", "", "@h"}, {"redis://u:", "", "@h?x=y"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, before, middle, after string) {
		// Only where a password can be: behind "user:" and in front of an @.
		if !strings.Contains(before, ":") || !strings.HasPrefix(after, "@") {
			return
		}
		const secret = "5ecre7"
		cfg := Config{URL: before + secret + middle + after}
		err := cfg.validate()
		for _, text := range []string{fmt.Sprint(err), cfg.String(), fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, &cfg), cfg.LogValue().String()} {
			if strings.Contains(strings.ToLower(text), secret) {
				t.Errorf("%q: %s", cfg.URL, text)
			}
		}
	})
}
