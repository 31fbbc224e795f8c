# Every key, from the tables that check it; plugins' options are the plugins' own matter.
kindred schema --text --no-user-plugins | sed '/^# /,/^$/d'
