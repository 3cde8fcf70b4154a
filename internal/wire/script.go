package wire

import (
	"crypto/sha1"
	_ "embed" // the prelude
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/thoonk-go/thoonk/internal/contract"
)

// prelude stands in front of every script.
//
//go:embed prelude.lua
var prelude string

// A Script is one vector script. All its keys and channels belong to one name.
type Script struct {
	Name     string         // kind/verb, as the file is called
	Keys     []contract.Key // KEYS, without the name
	Own      []contract.Key // further KEYS, of the name and this engine
	Ordered  []contract.Key // further KEYS, of the name and this engine, of calls that are ordered
	Each     contract.Key   // further KEYS, of the name and a command's Suffix, for each command that is Keyed
	Channels []contract.Key // ARGV[2] and following, without the name
	Group    int            // arguments per group; 0: any number, in a call of its own
	Behind   string         // the name of another file of lua/ whose functions it uses

	source string
	sha    string
}

// MustScript reads lua/<verb>.lua of a package's embedded files. It panics when
// the file is missing, which only a broken build can bring about.
func MustScript(files fs.FS, s Script) *Script {
	verb := s.Name
	for i := range verb {
		if verb[i] == '/' {
			verb = verb[i+1:]
			break
		}
	}
	s.source = prelude
	for _, file := range []string{s.Behind, verb} {
		if file == "" {
			continue
		}
		src, err := fs.ReadFile(files, "lua/"+file+".lua")
		if err != nil {
			panic(fmt.Sprintf("wire: script %s: %v", s.Name, err))
		}
		s.source += string(src)
	}
	sum := sha1.Sum([]byte(s.source))
	s.sha = hex.EncodeToString(sum[:])
	return &s
}

// scriptLine is how Redis says in which line of a script something went wrong.
var scriptLine = regexp.MustCompile(`(script: [0-9a-f]{40}, on )?@?user_script: ?(\d+)`)

// line finds the line of the script that an error of Redis names: where in the error
// that is, and what the line says. Without one, text is empty.
func (s *Script) line(refusal string) (where int, text string) {
	m := scriptLine.FindStringSubmatchIndex(refusal)
	if m == nil {
		return 0, ""
	}
	n, err := strconv.Atoi(refusal[m[4]:m[5]])
	if lines := strings.Split(s.source, "\n"); err == nil && 0 < n && n <= len(lines) {
		text = strings.TrimSpace(lines[n-1])
	}
	return m[0], text
}

// known are the keys of the name, of whatever engine or command.
func (s *Script) known() []contract.Key {
	if s.Each == "" {
		return s.Keys
	}
	return append(slices.Clip(s.Keys), s.Each)
}

// patterns are what the rights of a user have to include.
func patterns(sign string, keys []contract.Key) string {
	list := make([]string, len(keys))
	for i, k := range keys {
		if list[i] = sign + string(k); !k.Global() {
			list[i] += "*"
		}
	}
	return strings.Join(list, " ")
}

// Source is the script's Lua text, as it is sent.
func (s *Script) Source() string { return s.source }

// SHA is the name Redis gives the script.
func (s *Script) SHA() string { return s.sha }

// AppendCall appends one whole call to buf: the script applied to name, with
// groups groups of arguments that args (from Args) holds, none of which has a key of its
// own. It is for load tests: as the engine it names itself "0".
func (s *Script) AppendCall(buf []byte, name string, groups int, args []byte) []byte {
	return append(s.appendHead(buf, head{name: name, instance: "0", args: groups * s.Group}), args...)
}

// A head is what a call says before the arguments of its groups.
type head struct {
	name, instance string
	args           int      // that follow
	suffixes       []string // of the commands' keys
	repeat, eval   bool
	cluster        bool
	number, after  uint64 // of an ordered call, and of the one in front of it, if it is under way
}

// appendHead appends everything of a call up to the arguments of its groups.
//
// In a cluster it has one key more, which never exists (contract 8). While a slot moves
// to another node, Redis runs a script whose keys are all there, and makes it fail in
// the middle, after it has written, when it comes to a key that is not, be it one that
// it has emptied itself. With a key that is missing it refuses before it begins:
// TRYAGAIN, or ASK when the others have moved.
func (s *Script) appendHead(buf []byte, h head) []byte {
	cluster := h.cluster && h.name != "" // the scripts about the set of names call one command with one key
	own := s.Own
	if h.number != 0 && len(s.Ordered) > 0 {
		own = slices.Concat(own, s.Ordered)
	}
	keys := len(s.Keys) + len(own) + len(h.suffixes)
	if cluster {
		keys++
	}
	buf = append(buf, '*')
	buf = strconv.AppendInt(buf, int64(3+keys+1+len(s.Channels)+h.args), 10)
	if h.eval {
		buf = append(buf, "\r\n$4\r\nEVAL\r\n"...)
		buf = appendBulk(buf, s.source)
	} else {
		buf = append(buf, "\r\n$7\r\nEVALSHA\r\n"...)
		buf = appendBulk(buf, s.sha)
	}
	buf = appendInt(buf, int64(keys))
	for _, k := range s.Keys {
		buf = appendKey(buf, k, h.name)
	}
	for _, k := range own {
		buf = appendLongKey(buf, k, h.name, h.instance)
	}
	for _, suffix := range h.suffixes {
		buf = appendLongKey(buf, s.Each, h.name, suffix)
	}
	if cluster {
		buf = appendKey(buf, contract.Moving, h.name)
	}
	repeat := byte('0')
	if h.repeat {
		repeat = '1'
	}
	var text [1 + 2*21]byte
	how := append(text[:0], repeat)
	if h.number != 0 {
		how = strconv.AppendUint(append(how, ' '), h.after, 10)
		how = strconv.AppendUint(append(how, ' '), h.number, 10)
	}
	buf = appendBulk(buf, how)
	for _, c := range s.Channels {
		buf = appendKey(buf, c, h.name)
	}
	return buf
}
