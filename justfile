# The commands of ./dev as recipes, for those who use just. Nothing happens here
# that ./dev does not do.

set positional-arguments

# List the recipes
default:
    @just --list

# Everything to a running system
up *args:
    @./dev up "$@"

# N replicas of one service
scale *args:
    @./dev scale "$@"

# Up, then real traffic through the gateway and its deliveries
demo *args:
    @./dev demo "$@"

# Every test; arguments go to the test runner
test *args:
    @./dev test "$@"

# The OpenAPI documents against a system of its own, with generated requests
contract-test *args:
    @./dev contract-test "$@"

# Formatting, lints, licences
lint *args:
    @./dev lint "$@"

# Write the committed query data anew
prepare *args:
    @./dev prepare "$@"

# Stop everything
down *args:
    @./dev down "$@"

# What runs where
status *args:
    @./dev status "$@"

# Follow one log
logs *args:
    @./dev logs "$@"

# A shell on the database
psql *args:
    @./dev psql "$@"

# Stop everything and delete .dev
reset *args:
    @./dev reset "$@"
