/* Count words with a mapping, list them by number and name. */

#define TEXT "the cat and the dog and the bird"

/* How often each word occurs. A missing key reads as 0, so ++ needs no test. */
mapping count_words(string text) {
    mapping counts = ([ ]);

    foreach (string word in explode(text, " ")) {
        counts[word]++;
    }
    return counts;
}

/* Most frequent first, then by name. */
int by_count(string left, string right, mapping counts) {
    return counts[left] == counts[right] ? strcmp(left, right) : counts[right] - counts[left];
}

int main(string *argv) {
    mapping counts = count_words(TEXT);

    foreach (string word in sort_array(keys(counts), (: by_count :), counts)) {
        printf("%3d %s\n", counts[word], word);
    }
    printf("%d words, %d different\n", sizeof(explode(TEXT, " ")), sizeof(counts));
    return 0;
}
