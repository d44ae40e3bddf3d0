/* The master of the case files: allows everything. */

string get_root_uid() { return "Root"; }
string get_bb_uid() { return "Backbone"; }
string creator_file(string path) { return "Root"; }
int valid_read(string path, mixed caller, string operation) { return 1; }
int valid_write(string path, mixed caller, string operation) { return 1; }
int valid_socket(object caller, string operation, mixed *info) { return 1; }
int valid_override(string file, string efun_name, string main_file) { return 1; }
int valid_object(object ob) { return 1; }
int valid_bind(object binder, object old_owner, object new_owner) { return 1; }
int valid_shadow(object ob) { return 1; }
int valid_hide(object ob) { return 1; }
int valid_seteuid(object ob, string euid) { return 1; }
int valid_link(string from, string to) { return 1; }
