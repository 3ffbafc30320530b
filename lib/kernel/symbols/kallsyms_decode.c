/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decodes kallsyms out of .rodata; see kallsyms.h.
 *
 * What the kernel's scripts/kallsyms writes, each part aligned to 8 (or 4) bytes:
 *
 *	token_table	256 NUL-terminated strings, one after the other
 *	token_index	256 uint16_t: where each string begins in token_table
 *	names		for each symbol its length (one byte, or from 6.1 two with the top bit of the
 *			first set: 7 bits each, low first) and that many token numbers; the first
 *			character of the expanded text is the type
 *	markers		for every 256th symbol, uint32_t: where it begins in names
 *	num_syms	uint32_t, directly before names
 *	offsets		int32_t for each symbol
 *	relative_base	uint64_t, directly after offsets; 7.x has none
 *	seqs_of_names	3 bytes for each symbol: its number, sorted by name (6.2 and later)
 *
 * Orders: until 6.3 offsets, relative_base, num_syms, names, markers, (seqs), token_table,
 * token_index; from 6.4 num_syms, names, markers, token_table, token_index, offsets,
 * relative_base, seqs.
 *
 * Address of a symbol: with CONFIG_KALLSYMS_ABSOLUTE_PERCPU an offset >= 0 is the address itself
 * (per-CPU data, absolute symbols), a negative one means relative_base - 1 - offset. Without it,
 * relative_base + offset, unsigned. Without relative_base an offset, signed, counts from where it stands itself.
 *
 * The search goes from the most recognisable part outwards: token_index (rising, and each entry
 * must be the start of a string of the table that ends at it), then markers, then names and
 * num_syms, which must agree with the markers symbol by symbol; then the addresses, which must be
 * sorted and cover .text. A place that fails any check is passed over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/symbols/kallsyms_table.h"
#include "lib/util/bytes.h"
#include "lib/util/xmalloc.h"

#define TOKENS 256u
#define INDEX_BYTES (TOKENS * 2)
#define MIN_SYMBOLS 512u /* a kernel has more; fewer would make a false match likely */
#define PER_MARKER 256u
#define MAX_NAME 512u /* KSYM_NAME_LEN */
#define MAX_PADDING 8u

struct shape {
	const uint8_t *data; /* .rodata */
	size_t size;
	uint64_t address; /* of .rodata */
	size_t token_table, token_index;
	size_t token_start[TOKENS];
	size_t token_length[TOKENS];
	size_t markers, names, num_syms_at;
	uint32_t count;
	size_t names_end, text_size; /* text_size: all names expanded, with NULs, without types */
};

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

/* Whether 256 rising numbers that begin with 0 are at @pos. */
static bool rising_index(const struct shape *s, size_t pos)
{
	uint16_t last;

	if (get_le16(s->data + pos) || !get_le16(s->data + pos + 2))
		return false;
	last = get_le16(s->data + pos + 2);
	for (size_t i = 2; i < TOKENS; i++) {
		uint16_t v = get_le16(s->data + pos + 2 * i);

		if (v <= last)
			return false;
		last = v;
	}
	return true;
}

/* Whether the token table begins at @start, given the index; fills the token arrays. */
static bool token_table_fits(struct shape *s, size_t start)
{
	for (size_t i = 0; i < TOKENS; i++) {
		size_t from = start + get_le16(s->data + s->token_index + 2 * i);
		const uint8_t *nul;

		if (from >= s->token_index)
			return false;
		nul = memchr(s->data + from, 0, s->token_index - from);
		if (!nul)
			return false;
		s->token_start[i] = from;
		s->token_length[i] = (size_t)(nul - s->data) - from;
		if (i + 1 < TOKENS &&
		    (size_t)(nul - s->data) + 1 != start + get_le16(s->data + s->token_index + 2 * (i + 1)))
			return false;
	}
	s->token_table = start;
	start = s->token_start[TOKENS - 1] + s->token_length[TOKENS - 1] + 1;
	return s->token_index - start < MAX_PADDING && is_zero(s->data + start, s->token_index - start);
}

static bool find_token_table(struct shape *s)
{
	size_t last = get_le16(s->data + s->token_index + 2 * (TOKENS - 1));
	size_t least = last + 2, most = last + MAX_NAME + MAX_PADDING;

	for (size_t back = align_up(least, 4); back <= most && back <= s->token_index; back += 4)
		if (token_table_fits(s, s->token_index - back))
			return true;
	return false;
}

/* The length in front of a name. @pos moves past it. 0: does not fit. */
static size_t name_length(const struct shape *s, size_t *pos, size_t end)
{
	size_t n;

	if (*pos >= end)
		return 0;
	n = s->data[(*pos)++];
	if (n & 0x80) {
		if (*pos >= end)
			return 0;
		n = (n & 0x7f) | (size_t)s->data[(*pos)++] << 7;
	}
	return n <= end - *pos ? n : 0;
}

/* Walks over all names from s->names and compares with the markers. */
static bool names_agree(struct shape *s)
{
	size_t pos = s->names, total = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		size_t n, text = 0;

		if (!(i % PER_MARKER) &&
		    get_le32(s->data + s->markers + i / PER_MARKER * 4) != pos - s->names)
			return false;
		n = name_length(s, &pos, s->markers);
		if (!n)
			return false;
		for (size_t j = 0; j < n; j++)
			text += s->token_length[s->data[pos + j]];
		if (text < 2 || text > MAX_NAME + 1)
			return false;
		total += text;
		pos += n;
	}
	s->names_end = pos;
	s->text_size = total;
	return s->markers - pos < MAX_PADDING && is_zero(s->data + pos, s->markers - pos);
}

/* Tries num_syms at @at with names @gap bytes after it, for markers of which @run rise. */
static bool try_names(struct shape *s, size_t at, size_t gap, size_t run)
{
	uint32_t count = get_le32(s->data + at);
	size_t n_markers = ((size_t)count + PER_MARKER - 1) / PER_MARKER;

	if (count < MIN_SYMBOLS || count > KALLSYMS_MAX || n_markers > run)
		return false;
	if (!is_zero(s->data + at + 4, gap - 4))
		return false;
	/* the last marker leads to within one group of names of the markers themselves */
	if (s->markers - (at + gap) <= get_le32(s->data + s->markers + 4 * (n_markers - 1)))
		return false;
	if (s->markers - (at + gap) - get_le32(s->data + s->markers + 4 * (n_markers - 1)) >
	    PER_MARKER * (size_t)(MAX_NAME + 2) + MAX_PADDING)
		return false;
	s->count = count;
	s->num_syms_at = at;
	s->names = at + gap;
	return names_agree(s);
}

static bool find_names(struct shape *s, size_t markers, size_t run)
{
	size_t longest = get_le32(s->data + markers + 4 * (run - 1)) + (size_t)PER_MARKER * (MAX_NAME + 2) +
			 2 * MAX_PADDING;
	size_t lowest = markers > longest ? align_up(markers - longest, 4) : 0;

	s->markers = markers;
	for (size_t at = lowest; at + 8 < markers; at += 4)
		if (try_names(s, at, 8, run) || try_names(s, at, 4, run))
			return true;
	return false;
}

/* Length of the run of rising numbers at @pos, if it looks like markers. */
static size_t marker_run(const struct shape *s, size_t pos, size_t end)
{
	size_t n = 1;
	uint32_t last = 0;

	if (get_le32(s->data + pos))
		return 0;
	while (pos + 4 * n + 4 <= end) {
		uint32_t v = get_le32(s->data + pos + 4 * n);

		if (v < last + 2 * PER_MARKER || v - last > PER_MARKER * (MAX_NAME + 2) || v > pos)
			break;
		last = v;
		n++;
	}
	return n;
}

/* markers lie before the token table, with the sequence table in between in some versions. */
static bool find_markers(struct shape *s)
{
	for (size_t pos = s->token_table & ~(size_t)3; pos >= 4;) {
		size_t run;

		pos -= 4;
		run = marker_run(s, pos, s->token_table);
		if (run >= MIN_SYMBOLS / PER_MARKER && find_names(s, pos, run))
			return true;
	}
	return false;
}

static uint64_t address_of(int32_t offset, uint64_t base, bool absolute_percpu)
{
	if (!absolute_percpu)
		return base + (uint32_t)offset;
	return offset >= 0 ? (uint64_t)offset : base - 1 - (int64_t)offset;
}

static int32_t offset_at(const struct shape *s, size_t at, uint32_t i)
{
	return (int32_t)get_le32(s->data + at + 4 * (size_t)i);
}

/* Whether @address, of all symbols, is sorted and covers .text. */
static bool addresses_fit(const struct shape *s, const struct kallsyms_range *text, const uint64_t *address)
{
	uint64_t text_end = text->address + text->size;
	bool starts = false;
	uint32_t inside = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		if (i && address[i] < address[i - 1])
			return false;
		starts |= address[i] == text->address;
		inside += address[i] >= text->address && address[i] < text_end;
	}
	return starts && inside >= s->count / 16;
}

/* Fills @address from the offsets at @at, which count from @base. false: they do not fit. */
static bool read_addresses(const struct shape *s, size_t at, uint64_t base, const struct kallsyms_range *text,
			   uint64_t *address)
{
	bool absolute = false;

	for (uint32_t i = 0; i < s->count; i++)
		absolute |= offset_at(s, at, i) < 0;
	for (uint32_t i = 0; i < s->count; i++)
		address[i] = address_of(offset_at(s, at, i), base, absolute);
	return addresses_fit(s, text, address);
}

/* The same with offsets that count each from its own place. */
static bool read_own_relative(const struct shape *s, size_t at, const struct kallsyms_range *text,
			      uint64_t *address)
{
	for (uint32_t i = 0; i < s->count; i++)
		address[i] = s->address + at + 4 * (uint64_t)i + (uint64_t)(int64_t)offset_at(s, at, i);
	return addresses_fit(s, text, address);
}

/* Offsets that begin at @at, with relative_base after them or without one. */
static bool read_newer(const struct shape *s, size_t at, const struct kallsyms_range *text, uint64_t *address)
{
	size_t bytes = (size_t)s->count * 4, base_at = align_up(at + bytes, 8);

	if (base_at + 8 <= s->size && read_addresses(s, at, get_le64(s->data + base_at), text, address))
		return true;
	return at + bytes <= s->size && read_own_relative(s, at, text, address);
}

/* offsets, then relative_base, ending at @end (older order) or beginning at @start (newer). */
static bool find_addresses(const struct shape *s, const struct kallsyms_range *text, uint64_t *address)
{
	size_t bytes = (size_t)s->count * 4;
	size_t after = align_up(s->token_index + INDEX_BYTES, 4);
	size_t before = s->num_syms_at & ~(size_t)7;

	for (size_t pad = 0; pad < 16; pad += 4)
		if (read_newer(s, after + pad, text, address))
			return true;
	if (before < 8 || bytes > before - 8)
		return false;
	for (size_t base_at = before - 8, step = 0; step < 2; step++, base_at -= 4)
		for (size_t pad = 0; pad <= MAX_PADDING; pad += 4)
			if (base_at >= bytes + pad &&
			    read_addresses(s, base_at - bytes - pad, get_le64(s->data + base_at), text,
					   address))
				return true;
	return false;
}

/* Expands the names into @strings; the first character of each is its type. */
static void expand_names(const struct shape *s, uint32_t *name, char *type, char *strings)
{
	size_t pos = s->names, to = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		size_t n = name_length(s, &pos, s->markers);
		bool first = true;

		name[i] = (uint32_t)to;
		for (; n; n--, pos++) {
			size_t token = s->data[pos], length = s->token_length[token];
			const uint8_t *from = s->data + s->token_start[token];

			if (first && length) {
				type[i] = (char)*from++;
				length--;
				first = false;
			}
			memcpy(strings + to, from, length);
			to += length;
		}
		strings[to++] = 0;
	}
}

static int build(const struct shape *s, const struct kallsyms_range *text, struct kallsyms **out)
{
	struct kallsyms_table t = { .count = s->count, .strings_size = s->text_size };
	uint64_t *address = xcalloc(s->count, sizeof(*address));
	uint32_t *name = xcalloc(s->count, sizeof(*name));
	char *type = xcalloc(s->count, 1), *strings = xmalloc(s->text_size);
	int err;

	expand_names(s, name, type, strings);
	t.address = address;
	t.name = name;
	t.type = type;
	t.strings = strings;
	err = find_addresses(s, text, address) ? kallsyms_table_build(&t, true, out) : -EBADMSG;
	free(address);
	free(name);
	free(type);
	free(strings);
	return err;
}

int kallsyms_decode(const struct kallsyms_range *rodata, const struct kallsyms_range *text,
		    struct kallsyms **out)
{
	struct shape s = { .data = rodata->data, .size = rodata->size, .address = rodata->address };
	int err = -ENOENT;

	if (s.size < INDEX_BYTES || s.size > UINT32_MAX || (uintptr_t)s.data % 4)
		return -ENOENT;
	for (s.token_index = 0; s.token_index + INDEX_BYTES <= s.size; s.token_index += 4) {
		if (!rising_index(&s, s.token_index) || !find_token_table(&s))
			continue;
		err = -EBADMSG;
		if (!find_markers(&s))
			continue;
		err = build(&s, text, out);
		if (err != -EBADMSG)
			break;
	}
	return err;
}
