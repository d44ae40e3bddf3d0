/*
 * Simulated efuns: what every object of the mudlib may call by name.
 *
 * Each log function prints one line and appends it to a file under /log. Objects never write those
 * files themselves, so the format is decided here.
 */

#define LOG_DIRECTORY       "/log/"
#define SYSTEM_LOG          "system"
#define SECURITY_LOG        "/log/security"
#define EXTERNAL_COMMANDS   "/secure/cfg/external_commands.cfg"

/* How many lines of the security log one analysis looks at. */
#define RECENT_LINES        100

private nosave mapping external_commands;

/* Print a line and append it, with the time, to a log. */
private void record(string log, string line) {
    write(line + "\n");
    write_file(LOG_DIRECTORY + log, ctime(time()) + " " + line + "\n");
}

/* Something the administrators may want to read later. */
void log_system(string text) {
    record(SYSTEM_LOG, "[system] " + text);
}

/* Something that went wrong. */
void log_error(string text) {
    record("error", "[error] " + text);
}

/* Something somebody has to look at now. */
void alert_administrators(string text) {
    record("alert", "[alert] " + text);
}

/* Tell everybody who is connected. */
void broadcast_system(string text) {
    shout(text + "\n");
    record(SYSTEM_LOG, "[broadcast] " + text);
}

/*
 * The settings of a configuration file: `key = value` lines, `#` starts a comment line.
 * An empty mapping when there is no such file.
 */
mapping read_config(string path) {
    string text = read_file(path);
    mapping settings = ([ ]);
    string key, value;

    if (!text) {
        return settings;
    }
    foreach (string line in explode(text, "\n")) {
        if (line != "" && line[0] != '#' && sscanf(line, "%s = %s", key, value) == 2) {
            settings[trim(key)] = trim(value);
        }
    }
    return settings;
}

/* Read again which external commands the mudlib allows; how many are listed. */
int reload_external_commands() {
    external_commands = read_config(EXTERNAL_COMMANDS);
    log_system("External commands: " + sizeof(external_commands) + " listed");
    return sizeof(external_commands);
}

/* Whether the mudlib lets its objects start a command the host has registered. */
int external_command_allowed(string name) {
    if (!external_commands) {
        external_commands = read_config(EXTERNAL_COMMANDS);
    }
    return external_commands[name] != "deny";
}

/* Look through the latest lines of the security log; the number of failures and refusals found. */
int analyze_security_events() {
    string text = read_file(SECURITY_LOG, -RECENT_LINES);
    string *hits;

    if (!text) {
        return 0;
    }
    hits = regexp(explode(text, "\n"), "denied|failed|refused|violation");
    log_system("Security log: " + sizeof(hits) + " suspicious of the latest " + sizeof(explode(text, "\n")) + " lines");
    return sizeof(hits);
}
