#!/bin/sh
# Starts a role in a container. MILLRACE_KAFKA_CONFIG names a properties file with TLS, SASL or registry settings.
set -eu
if [ -n "${MILLRACE_KAFKA_CONFIG:-}" ]; then
    set -- "$@" --kafka-config "$MILLRACE_KAFKA_CONFIG"
fi
# The role is the process: it gets the signal to drain. The options are meant to be split into words.
# shellcheck disable=SC2086
exec java --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    -XX:CompileCommand=quiet -XX:CompileCommandFile=/opt/millrace/hotspot.txt \
    "-XX:CompileCommand=CompileThresholdScaling,dev.millrace.engine.backend.cpu.*::*,0.05" \
    -Dmillrace.home=/opt/millrace ${MILLRACE_JAVA_OPTS:-} -cp "/opt/millrace/lib/*" dev.millrace.ops.Millrace "$@"
