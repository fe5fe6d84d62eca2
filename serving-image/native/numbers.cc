// Lists of numbers in JSON, for Node: the part of a large request that takes the time. Whatever is out of the ordinary is left to
// the reader in TypeScript (src/protocol/json/numbers.ts), which can read all of it and says what is wrong.
//
//   read(text, at, end, out, from, to, tooLarge, behind)
//       reads numbers that a comma follows, from text[at] on, into out[from] up to out[to - 1]; answers the index behind the
//       last one, and writes the offset behind its comma to behind[0]. Stops before whatever is no such number, or is not
//       smaller than `tooLarge`. `text` is a Uint8Array with 64 bytes of its buffer before it and 64 zeros at `end`, `out` a
//       Float32Array or a Float64Array, `behind` a Float64Array. Numbers for the former are rounded to doubles first, like
//       those of Math.fround(JSON.parse(...)).
//
// Nothing is exported where the processor has no AVX2.
//
// Commas are found for 64 bytes at a time (Langdale, Lemire: Parsing gigabytes of JSON per second, 2019), so that one number
// need not wait for the end of the one before; the digits of a number are added up in one register, so that nothing has to be
// guessed of its length. One division rounds correctly where digits and power of ten are doubles (Clinger: How to read floating
// point numbers accurately, 1990).
#include <immintrin.h>
#include <node_api.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#pragma GCC push_options
#pragma GCC target("avx2,bmi")

namespace {

constexpr size_t MARGIN = 64;  // of the text, on both sides
constexpr size_t BLOCK = 64;
constexpr size_t AT_ONCE = 256;
constexpr unsigned HALF = 16, WHOLE = 32;  // bytes of a register
constexpr unsigned LARGEST_POWER = 22;     // of ten that is a double
constexpr uint64_t EXACT = 1ull << 53;     // integers up to here are doubles

struct alignas(64) Tables {
  uint8_t last[2 * WHOLE] = {};  // of the bytes from last + n on the last n are set
  uint8_t points[WHOLE], zeros[WHOLE], nines[WHOLE], tens[WHOLE];
  int16_t hundreds[HALF], tenThousands[HALF];
  double powers[2 * WHOLE] = {};  // of ten; negative in the second half; the last of a half is for no decimals, too
  constexpr Tables() : points(), zeros(), nines(), tens(), hundreds(), tenThousands() {
    for (unsigned i = 0; i < WHOLE; i++) {
      last[WHOLE + i] = 0xff;
      points[i] = '.';
      zeros[i] = '0';
      nines[i] = 9;
      tens[i] = i % 2 ? 1 : 10;
    }
    for (unsigned i = 0; i < HALF; i++) {
      hundreds[i] = i % 2 ? 1 : 100;
      tenThousands[i] = i % 2 ? 1 : 10000;
    }
    double power = 1;
    for (unsigned i = 0; i <= LARGEST_POWER; i++, power *= 10) {
      powers[i] = power;
      powers[WHOLE + i] = -power;
    }
    powers[WHOLE - 1] = 1;
    powers[2 * WHOLE - 1] = -1;
  }
};
constexpr Tables TABLES;

template <typename T>
__m128i half(const T* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
template <typename T>
__m256i whole(const T* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

bool isDigit(uint8_t c) { return c >= '0' && c <= '9'; }
bool isBlank(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// A zero before another digit, which JSON does not have.
bool leadingZero(const uint8_t* first) {
  uint16_t head;
  std::memcpy(&head, first, sizeof head);
  return static_cast<uint16_t>(__builtin_bswap16(head) - 0x3030) <= 9;
}

struct Quotient {
  double numerator, denominator;
};

// Digits, with a point between them or none, in the 1 to 16 bytes before `end`; false when something else stands there.
// Here and below, `minus` is WHOLE when there is a minus before `first`, else 0.
[[gnu::always_inline]] inline bool shortNumber(const Tables& k, const uint8_t* first, const uint8_t* end, unsigned minus, Quotient& found) {
  const auto length = static_cast<unsigned>(end - first);
  const __m128i bytes = half(end - HALF);
  const unsigned begin = 0x10000u >> length;
  const unsigned points = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, half(k.points)))) & -begin;
  // Modulo 32, 16 is none.
  const unsigned decimals = HALF - 1 - _tzcnt_u32(points | 1u << 31);
  // The point goes: what is before it is read one byte later.
  const __m128i joined = _mm_blendv_epi8(half(end - HALF - 1), bytes, half(k.last + HALF + decimals % WHOLE));
  const __m128i own = half(k.last + HALF + length - (points != 0));
  const __m128i digits = _mm_and_si128(_mm_sub_epi8(joined, half(k.zeros)), own);
  unsigned wrong = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_cmpgt_epi8(digits, half(k.nines)), digits)));
  wrong |= points & (begin | 1u << (HALF - 1));
  wrong |= leadingZero(first);
  const __m128i fours = _mm_madd_epi16(_mm_maddubs_epi16(half(k.tens), digits), half(k.hundreds));
  const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), half(k.tenThousands));
  const auto both = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  found.numerator = static_cast<double>(static_cast<int64_t>((both & 0xffffffff) * 100000000 + (both >> 32)));
  found.denominator = k.powers[decimals % HALF + minus];
  return wrong == 0;
}

// Whether the double next to this one might round to another float, or be the right one.
template <typename T>
bool isDoubtful(double value) {
  if (sizeof(T) == sizeof(double)) return true;
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  constexpr uint64_t halfway = 1 << 28, beyond = halfway * 2 - 1;
  return (bits & beyond) - (halfway - 4) <= 8;
}

// The same for 1 to 32 bytes, of which at most 18 digits may count. A numerator that is rounded leaves the quotient wrong by
// two units at most.
template <typename T>
bool longNumber(const Tables& k, const uint8_t* first, const uint8_t* end, unsigned minus, Quotient& found) {
  const auto length = static_cast<unsigned>(end - first);
  if (length - 1 >= WHOLE) return false;
  const __m256i bytes = whole(end - WHOLE);
  const unsigned begin = 1u << (WHOLE - length);
  const unsigned points = static_cast<unsigned>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, whole(k.points)))) & -begin;
  const unsigned decimals = points ? WHOLE - 1 - _tzcnt_u32(points) : WHOLE;
  const __m256i joined = _mm256_blendv_epi8(whole(end - WHOLE - 1), bytes, whole(k.last + decimals));
  const __m256i own = whole(k.last + length - (points != 0));
  const __m256i digits = _mm256_and_si256(_mm256_sub_epi8(joined, whole(k.zeros)), own);
  unsigned wrong = static_cast<unsigned>(_mm256_movemask_epi8(_mm256_or_si256(_mm256_cmpgt_epi8(digits, whole(k.nines)), digits)));
  wrong |= points & (begin | 1u << (WHOLE - 1));
  wrong |= leadingZero(first);
  wrong |= decimals > LARGEST_POWER && decimals != WHOLE;
  const __m256i fours = _mm256_madd_epi16(_mm256_maddubs_epi16(whole(k.tens), digits), whole(k.hundreds));
  const __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), whole(k.tenThousands));
  const auto high = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm256_castsi256_si128(eights)));
  const auto low = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1)));
  wrong |= (high & 0xffffffff) != 0 || high >> 32 >= 100;
  if (wrong) return false;
  const uint64_t sum = ((high >> 32) * 100000000 + (low & 0xffffffff)) * 100000000 + (low >> 32);
  found.numerator = static_cast<double>(static_cast<int64_t>(sum));
  found.denominator = k.powers[std::min(decimals, WHOLE - 1) + minus];
  return sum <= EXACT || !isDoubtful<T>(found.numerator / found.denominator);
}

// Any number of JSON without its sign. NaN when it is none, or neither zero nor a normal double.
double anyNumber(const uint8_t* first, const uint8_t* end) {
  if (!isDigit(*first) || leadingZero(first)) return NAN;
  for (const uint8_t* c = first; c < end; c++)
    if (*c == '.' && !isDigit(c[1])) return NAN;
  double value;
  const auto last = reinterpret_cast<const char*>(end);
  const auto [behind, problem] = std::from_chars(reinterpret_cast<const char*>(first), last, value);
  return problem == std::errc() && behind == last ? value : NAN;
}

uint64_t commasFrom(const uint8_t* block) {
  const auto in = [](const uint8_t* from) {
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(whole(from), _mm256_set1_epi8(','))));
  };
  return static_cast<uint64_t>(in(block + WHOLE)) << WHOLE | in(block);
}

template <typename T>
size_t readList(const uint8_t* text, size_t& at, size_t end, T* out, size_t from, size_t to, double tooLarge) {
  const Tables* k = &TABLES;
  // Else constants are made anew for each number, for want of registers.
  asm("" : "+r"(k));
  Quotient quotients[AT_ONCE + BLOCK];
  size_t count = 0;
  const auto divide = [&] {
    for (size_t i = 0; i < count; i++) out[from + i] = static_cast<T>(quotients[i].numerator / quotients[i].denominator);
    from += count;
    count = 0;
  };
  const uint8_t* next = text + at;
  bool goesOn = true;
  for (const uint8_t* block = next; goesOn && block < text + end && from + count < to; block += BLOCK) {
    uint64_t commas = commasFrom(block);
    const auto found = static_cast<size_t>(__builtin_popcountll(commas));
    for (size_t left = std::min(to - from - count, found); left > 0; left--, commas &= commas - 1) {
      const uint8_t* stop = block + __builtin_ctzll(commas);
      const uint8_t* first = next + (*next == ' ');
      while (*first <= ' ' && isBlank(*first)) first++;
      const bool negative = *first == '-';
      first += negative;
      const unsigned minus = negative ? WHOLE : 0;
      Quotient& found = quotients[count];
      if (static_cast<size_t>(stop - first) - 1 >= HALF || !shortNumber(*k, first, stop, minus, found)) {
        double value = longNumber<T>(*k, first, stop, 0, found) ? found.numerator / found.denominator : anyNumber(first, stop);
        goesOn = value < tooLarge;
        if (!goesOn) break;
        found = {negative ? -value : value, 1};
      }
      count++;
      next = stop + 1;
    }
    if (count >= AT_ONCE) divide();
  }
  divide();
  at = static_cast<size_t>(next - text);
  return from;
}

#pragma GCC pop_options

napi_value Read(napi_env env, napi_callback_info info) {
  size_t given = 8, length = 0, offset = 0, places = 0;
  napi_value values[8], buffer, result;
  napi_typedarray_type type;
  void *text, *out, *behind;
  uint32_t at = 0, end = 0, from = 0, to = 0;
  double tooLarge = 0;
  if (napi_get_cb_info(env, info, &given, values, nullptr, nullptr) != napi_ok || given < 8 ||
      napi_get_typedarray_info(env, values[0], nullptr, &length, &text, &buffer, &offset) != napi_ok ||
      napi_get_value_uint32(env, values[1], &at) != napi_ok || napi_get_value_uint32(env, values[2], &end) != napi_ok ||
      napi_get_typedarray_info(env, values[3], &type, &places, &out, nullptr, nullptr) != napi_ok ||
      napi_get_value_uint32(env, values[4], &from) != napi_ok || napi_get_value_uint32(env, values[5], &to) != napi_ok ||
      napi_get_value_double(env, values[6], &tooLarge) != napi_ok ||
      napi_get_typedarray_info(env, values[7], nullptr, nullptr, &behind, nullptr, nullptr) != napi_ok || offset < MARGIN ||
      at > end || end + MARGIN > length || from > to || to > places || (type != napi_float32_array && type != napi_float64_array)) {
    napi_throw_type_error(env, nullptr, "read(text, at, end, out, from, to, tooLarge, behind) is called with something else");
    return nullptr;
  }
  const auto bytes = static_cast<const uint8_t*>(text);
  size_t position = at;
  const size_t index = type == napi_float32_array
                           ? readList(bytes, position, end, static_cast<float*>(out), from, to, tooLarge)
                           : readList(bytes, position, end, static_cast<double*>(out), from, to, tooLarge);
  *static_cast<double*>(behind) = static_cast<double>(position);
  napi_create_uint32(env, static_cast<uint32_t>(index), &result);
  return result;
}

napi_value Init(napi_env env, napi_value exports) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi")) return exports;
  const napi_property_descriptor read = {"read", nullptr, Read, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
  napi_define_properties(env, exports, 1, &read);
  return exports;
}

}  // namespace

NAPI_MODULE(NODE_GYP_MODULE_NAME, Init)
