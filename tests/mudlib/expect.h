/*
 * What case files say: `expect(actual, wanted)` and friends. A failed expectation is noted with its line
 * and the file runs on; tests/test_cases.py reports them all.
 *
 *   expect(actual, wanted)      same type and contents (undefined counts as 0; use undefinedp() to tell)
 *   expect_same(actual, wanted) the very same array, mapping, object, ...
 *   expect_message(value, text) `value`, as catch() gave it, is an error message that holds `text`
 *   expect_error(f, text)       evaluating the function `f` raises such an error
 */
#define expect(actual, wanted)          case_expect(__LINE__, (actual), (wanted))
#define expect_same(actual, wanted)     case_same(__LINE__, (actual), (wanted))
#define expect_message(value, text)     case_message(__LINE__, (value), (text))
#define expect_error(f, text)           case_message(__LINE__, catch(evaluate(f)), (text))
