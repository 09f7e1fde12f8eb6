package dev.millrace.worker;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * Lends a large interface to a class that has only some of its methods; calling any other one fails
 * by name.
 */
final class ByName {
    private ByName() {}

    static <T> T implement(Class<T> type, Object target) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, args) -> {
                            try {
                                Method own =
                                        target.getClass()
                                                .getDeclaredMethod(
                                                        method.getName(),
                                                        method.getParameterTypes());
                                own.setAccessible(true);
                                return own.invoke(target, args);
                            } catch (NoSuchMethodException e) {
                                throw new UnsupportedOperationException(
                                        target.getClass().getSimpleName() + " has no " + method, e);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        }));
    }
}
