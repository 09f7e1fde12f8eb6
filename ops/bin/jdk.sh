# Sourced by ./millrace and ./mvnw: finds a JDK 25 without asking. POSIX sh.

JDK_WANTED=25

# Succeeds if $1 is the home of a JDK of the wanted version; reads its release file, starts nothing.
is_wanted_jdk() {
    [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && grep -q "^JAVA_VERSION=\"$JDK_WANTED[.\"+]" "$1/release" 2>/dev/null
}

# Prints the home of a JDK 25: JAVA_HOME first, then java on the PATH, then the usual install folders.
find_jdk() {
    if [ -n "${JAVA_HOME:-}" ] && is_wanted_jdk "$JAVA_HOME"; then
        printf '%s\n' "$JAVA_HOME"
        return 0
    fi
    on_path=$(command -v java 2>/dev/null || true)
    if [ -n "$on_path" ]; then
        while [ -L "$on_path" ]; do
            link=$(readlink "$on_path")
            case "$link" in /*) on_path=$link ;; *) on_path=$(dirname "$on_path")/$link ;; esac
        done
        home=$(cd "$(dirname "$on_path")/.." 2>/dev/null && pwd)
        if is_wanted_jdk "$home"; then
            printf '%s\n' "$home"
            return 0
        fi
    fi
    for home in /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/*jdk* /usr/local/*jdk* \
        "${HOME:-/}"/.sdkman/candidates/java/* "${HOME:-/}"/.jdks/* "${HOME:-/}"/.asdf/installs/java/* \
        "${HOME:-/}"/.local/share/mise/installs/java/* /Library/Java/JavaVirtualMachines/*/Contents/Home; do
        if is_wanted_jdk "$home"; then
            printf '%s\n' "$home"
            return 0
        fi
    done
    return 1
}

# Says what to install, on standard error.
explain_missing_jdk() {
    cat >&2 <<EOF
millrace: no JDK $JDK_WANTED found.
  Looked at JAVA_HOME (${JAVA_HOME:-not set}), at java on the PATH and in the usual install folders.
  Install one, for example Eclipse Temurin $JDK_WANTED (https://adoptium.net) or your system's openjdk-$JDK_WANTED-jdk package,
  or set JAVA_HOME to the folder of one, and run the command again.
EOF
}
